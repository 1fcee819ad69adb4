"""Engines that train a grid: this machine or a Slurm cluster."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from harness.errors import InputError
from harness.sweep.grid import Capacity, Grid

# Engine name -> its module, imported on use.
ENGINES = {"local": "harness.sweep.local.engine", "slurm": "harness.sweep.slurm.engine"}


class Engine(Protocol):
    """Interface of an engine's module."""

    def run(self, grid: Grid) -> None:
        """Train all runs that are not done and print the progress.

        Raises:
            InputError: if it cannot start, or if runs were refused.
            RunFailedError: if runs failed; the message names them, all others were trained.
        """

    def capacity(self, grid: Grid) -> Capacity:
        """What `run` would train on, for the estimates of a dry run.

        Raises:
            InputError: if the device does not exist.
        """

    def queued(self, grid: Grid) -> Mapping[Path, str]:
        """The engine's knowledge about runs that is not in the results folder.

        Returns:
            {folder of a run: phrase such as "job 7 pending"}.
        """


def get(name: str) -> Engine:
    """Look up an engine by name.

    Raises:
        InputError: if no engine has that name.
    """
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}. Known engines: {', '.join(ENGINES)}.")
    return cast(Engine, importlib.import_module(ENGINES[name]))
