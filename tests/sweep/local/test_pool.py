"""Places of a sweep where no worker can start."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError, RunFailedError
from harness.sweep.estimates import RuntimeEstimator
from harness.sweep.jobs import Job, JobQueue
from harness.sweep.local.display import PlainBoard
from harness.sweep.local.machine import GPUS, Place
from harness.sweep.local.messages import Ready, Unable
from harness.sweep.local.pool import STILLBORN, Worker
from harness.sweep.local.scheduler import Dispatcher
from tests.helpers.scripted_pool import ScriptedPool, assigned_jobs, end_of
from tests.helpers.specs import DEVICE, make_spec

ZERO, ONE, TWO = (Place("cuda", 1, {GPUS: number}) for number in "012")

NAMES = ("paper", "baseline", "dropout_0", "batch_norm")


def train(worker: Worker) -> Iterator[Any]:
    for slot, job in assigned_jobs(worker):
        yield end_of(slot, job)


class Starts(ScriptedPool):
    """Workers that cannot start in some places: they say why, or die where there is no reason."""

    def __init__(self, broken: list[tuple[Place, str]]) -> None:
        super().__init__(train)
        self._broken = broken
        self.starts: list[Place] = []

    def beginning(self, worker: Worker) -> list[Any]:
        self.starts.append(worker.place)
        for place, why in self._broken:
            if place == worker.place:
                return [Unable(why), None] if why else [None]
        return [Ready("ab" * 32, 10)]


def sweep(crew: Starts, layout: list[Place], folder: Path) -> JobQueue:
    ledger = JobQueue(pending=deque(Job(make_spec(name, folder)) for name in NAMES))
    dispatcher = Dispatcher(
        ledger, crew, layout, PlainBoard(), RuntimeEstimator([], DEVICE), math.inf
    )
    assert dispatcher.begin()
    dispatcher.work()
    return ledger


DIED = f"{STILLBORN} workers ended before they had loaded the data, the last one with SIGKILL"


@pytest.mark.parametrize(
    ("broken", "lines", "starts"),
    [
        ([(ZERO, "")], [f"GPU 0: left out, {DIED}"], [ZERO] * STILLBORN + [ONE, TWO]),
        ([(ONE, "")], [f"GPU 1: left out, {DIED}"], [ZERO, ONE, TWO] + [ONE] * (STILLBORN - 1)),
        ([(TWO, "no such GPU")], ["GPU 2: left out, no such GPU"], [ZERO, ONE, TWO]),
    ],
)
def test_a_place_where_no_worker_starts_is_left_out_and_the_others_go_on(
    broken: list[tuple[Place, str]],
    lines: list[str],
    starts: list[Place],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    crew = Starts(broken)
    ledger = sweep(crew, [ZERO, ONE, TWO], tmp_path)
    assert len(ledger.done) == len(NAMES)
    assert [one for one in capsys.readouterr().out.splitlines() if "left out" in one] == lines
    assert crew.starts == starts


def test_a_sweep_ends_when_no_place_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crew = Starts([(ZERO, ""), (ONE, "")])
    with pytest.raises(RunFailedError, match=f"^{DIED}; `run` with the same options shows more"):
        sweep(crew, [ZERO, ONE], tmp_path)
    assert capsys.readouterr().out == f"GPU 0: left out, {DIED}\n"
    assert crew.starts == [ZERO] * STILLBORN + [ONE] * STILLBORN


def test_shares_of_one_cpu_are_not_tried_in_turn(tmp_path: Path) -> None:
    share = Place("cpu")
    crew = Starts([(share, "")])
    with pytest.raises(RunFailedError, match=DIED):
        sweep(crew, [share] * 8, tmp_path)
    assert len(crew.starts) == STILLBORN


def test_what_stops_the_first_worker_stops_all(tmp_path: Path) -> None:
    crew = Starts([(ZERO, "no data in nowhere")])
    with pytest.raises(InputError, match="no data in nowhere"):
        sweep(crew, [ZERO, ONE], tmp_path)
    assert crew.starts == [ZERO]
