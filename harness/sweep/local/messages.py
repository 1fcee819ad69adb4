"""What a sweep and its workers tell each other, over a pipe. No torch here.

A slot is a place in a worker where one run trains at a time: one on a CPU, several where
runs share a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.runs.spec import RunSpec


@dataclass(frozen=True)
class Train:
    """To a worker: train this run in this slot, or record it as failed for a reason."""

    slot: int
    spec: RunSpec
    given_up: str | None = None


@dataclass(frozen=True)
class Ready:
    """From a worker: data are loaded."""

    fingerprint: str
    images: int


@dataclass(frozen=True)
class Unable:
    """From a worker: it cannot start, and the message says why to a person."""

    message: str


@dataclass(frozen=True)
class Report:
    """From a worker: what a run's `Reporter` was told.

    Attributes:
        slot: where.
        event: name of the `Reporter` method.
        arguments: its arguments.
    """

    slot: int
    event: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Ended:
    """From a worker: its slot is free again.

    Attributes:
        slot: which.
        line: the outcome, for people.
        status: "done", "failed", "held" (another process has the run), "crowded" (memory ran
            out beside other runs of the worker), "refused" (bad input) or "broken" (the results
            cannot be written: no other run could be either).
        reason: why it failed or was refused.
        trained: whether it was trained now.
    """

    slot: int
    status: str
    line: str = ""
    reason: str = ""
    trained: bool = False
