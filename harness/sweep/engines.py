"""What can work through a grid: this machine, or a cluster."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from harness.errors import InputError
from harness.sweep.grid import Capacity, Grid

# Modules, loaded when they are asked for.
ENGINES = {"local": "harness.sweep.local.engine", "slurm": "harness.sweep.slurm.engine"}


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


def read(file: Path | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Settings by name; a pair goes before the file.

    Args:
        file: TOML.
        pairs: "name=value" or, inside a table, "table.name=value"; a value that is no TOML is
            taken as text, so that words need no quotes.

    Raises:
        InputError: if the file cannot be read, or a pair is none.
    """
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            settings = tomllib.loads(file.read_text())
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}).") from error
        except ValueError as error:
            raise InputError(f"{file} is no TOML ({error}).") from error
    for pair in pairs:
        place, equals, text = pair.partition("=")
        *tables, name = place.strip().split(".")
        if not equals or not name:
            raise InputError(f"--set {pair!r} does not parse: write NAME=VALUE, such as time=120.")
        within = settings
        for table in tables:
            within = within.setdefault(table, {})
            if not isinstance(within, dict):
                raise InputError(f"--set {pair!r}: {table} is a value, not a table.")
        within[name] = _value(text.strip())
    return settings


def _value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if set(found) == {"value"} else text
