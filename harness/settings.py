"""Settings of an engine, from a TOML file and from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import InputError


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
