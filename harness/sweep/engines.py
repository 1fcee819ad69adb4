"""Engines that train a grid: this machine or a Slurm cluster; and their settings."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

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


def read(file: Path | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Read an engine's settings from a file and from the command line.

    Args:
        file: path of a TOML file, if any.
        pairs: "name=value" or, inside a table, "table.name=value", which override the file. A value
            that is not valid TOML is a string, so that words need no quotes.

    Returns:
        {name: value}.

    Raises:
        InputError: if the file cannot be read or a pair cannot be parsed.
    """
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            settings = tomllib.loads(file.read_text())
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file} is not valid TOML ({error}).") from error
    for pair in pairs:
        key, equals, text = pair.partition("=")
        *tables, name = key.strip().split(".")
        if not equals or not name:
            raise InputError(
                f"--set {pair!r} cannot be parsed: write NAME=VALUE, such as time=120."
            )
        target = settings
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise InputError(f"--set {pair!r}: {table} is a value, not a table.")
        target[name] = _parse_value(text.strip())
    return settings


def _parse_value(text: str) -> Any:
    """Parse a TOML value; anything else is a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if set(parsed) == {"value"} else text
