"""A folder of runs on a few digits: its first record, changes of it, and what `check` finds."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from harness.data.dataset import Dataset, load
from harness.integrity.check import Breach, check
from harness.runs import store


@functools.cache
def short() -> Dataset:
    """The digits with 256 training images: a tenth of the time, the same evaluation."""
    digits = load("digits", Path())
    return dataclasses.replace(digits, train=digits.train.take(torch.arange(256)))


def checked(results: Path) -> tuple[int, list[Breach]]:
    return check(results, short())


def first(results: Path) -> Path:
    return next(store.find(results)).parent


def faults(results: Path) -> list[str]:
    return [f"{b.rule}: {b.fault}" for b in checked(results)[1]]


def edit(results: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a record in the format that the harness writes."""
    path = first(results) / store.FILE
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields, indent=1) + "\n")
