"""Settings of an engine, from a TOML file and the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import InputError


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
