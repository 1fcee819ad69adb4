"""What can work through a grid: this machine, or a cluster."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from harness.errors import InputError
from harness.grid import Capacity, Grid

# Modules, loaded when they are asked for.
ENGINES = {"local": "harness.sweep", "slurm": "harness.slurm"}


class Engine(Protocol):
    """What such a module has."""

    def run(self, grid: Grid) -> None:
        """Train what is not done yet, and tell a person about it.

        Raises:
            InputError: if it cannot start, or a run was refused.
            RunFailedError: if runs failed, naming them; the others were trained.
        """

    def capacity(self, grid: Grid) -> Capacity:
        """What `run` would train on: for the estimates of a dry run.

        Raises:
            InputError: if there is no such device.
        """

    def queued(self, grid: Grid) -> Mapping[Path, str]:
        """What the engine knows and the results folder does not, such as "pending in job 7".

        Returns:
            A phrase for a run, by the run's folder (`Plan.directory`).
        """


def get(name: str) -> Engine:
    """Look an engine up.

    Raises:
        InputError: if there is none of that name.
    """
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}. Known engines: {', '.join(ENGINES)}.")
    return cast(Engine, importlib.import_module(ENGINES[name]))
