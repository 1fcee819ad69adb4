"""The search space: which settings a search varies, and between which values. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from harness.errors import InputError
from harness.formatting import enumerate_words
from harness.protocol.spec import OVERRIDES
from variants.spec import RANGES

SETTINGS = (*OVERRIDES, "dropout")

# Around the protocol's values, wide enough that the best values are not at an end.
DEFAULT = "learning_rate=0.001:0.1:log,weight_decay=0.00001:0.01:log,dropout=0:0.75"

_FORM = "write NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE/VALUE/..., separated by commas"


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; uniform, or uniform in the logarithm."""

    low: float
    high: float
    log: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the record stores them."""
        return {"low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True)
class Values:
    """A list of numbers, all as probable."""

    values: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """The field as plain values, as the record stores it."""
        return {"values": [*self.values]}


# What a search varies: settings of a variant by name. Batch sizes are int, all others float.
Space: TypeAlias = Mapping[str, Range | Values]


def parse(text: str) -> Space:
    """Parse a space such as "learning_rate=0.001:0.1:log,batch_size=64/128".

    Raises:
        InputError: if it cannot be parsed, a setting cannot be searched, or a value is outside the
            setting's range.
    """
    space: dict[str, Range | Values] = {}
    for part in text.split(","):
        name, equals, values = (piece.strip() for piece in part.partition("="))
        if not equals or not values:
            raise InputError(f"--space {part!r} cannot be parsed: {_FORM}.")
        if name not in SETTINGS:
            raise InputError(
                f"--space: {name!r} cannot be searched; use {enumerate_words(SETTINGS)}."
            )
        if name in space:
            raise InputError(f"--space has {name} twice: name each setting once.")
        space[name] = _range(name, values) if ":" in values else _values(name, values)
    return space


def _range(name: str, text: str) -> Range:
    low, high, *rest = text.split(":")
    if rest not in ([], ["log"]):
        raise InputError(f"--space '{name}={text}' cannot be parsed: {_FORM}.")
    limits = Range(_number(name, low), _number(name, high), log=bool(rest))
    if limits.low >= limits.high:
        raise InputError(f"--space '{name}={text}': the lower end must be below the upper one.")
    if limits.log and limits.low <= 0:
        raise InputError(f"--space '{name}={text}': log needs a lower end above 0.")
    return limits


def _values(name: str, text: str) -> Values:
    values = tuple(_number(name, value) for value in text.split("/"))
    if len(set(values)) < len(values):
        raise InputError(f"--space '{name}={text}' has a value twice: give each once.")
    return Values(values)


def _number(name: str, text: str) -> float:
    holds, expected = RANGES[name]
    try:
        value = int(text) if name == "batch_size" else float(text)
    except ValueError:
        value = float("nan")
    if not holds(value):
        raise InputError(f"--space: {name} is {text.strip()!r}, not {expected}.")
    return value
