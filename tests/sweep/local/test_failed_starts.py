"""What a local sweep does when workers cannot start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError, RunFailedError
from harness.sweep.grid import GridState
from harness.sweep.local.machine import Placement
from harness.sweep.local.pool import Worker
from harness.sweep.local.supervisor import MAX_FAILED_STARTS
from tests.helpers.scripted_workers import (
    KILLED,
    NAMES,
    ONE,
    READY,
    TWO,
    ZERO,
    Script,
    Sweep,
    pull,
    specs,
)

DIED = (
    f"{MAX_FAILED_STARTS} workers ended before they had begun a run, the last one with SIGKILL"
    "; `run` with the same options shows more."
)


def starts(*broken: tuple[Placement, str]) -> Script:
    """Workers that cannot start at some placements: they say why, or die without a reason."""

    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        for placement, why in broken:
            if placement == worker.placement:
                yield ("start_error", InputError(why)) if why else KILLED
                return
        yield from pull(sweep, worker)

    return script


@pytest.mark.parametrize(
    ("broken", "lines", "began"),
    [
        ((ZERO, ""), [f"GPU 0: left out, {DIED}"], [ZERO] * MAX_FAILED_STARTS + [ONE, TWO]),
        ((ONE, ""), [f"GPU 1: left out, {DIED}"], [ZERO, ONE, TWO] + [ONE] * 2),
        ((TWO, "no such GPU"), ["GPU 2: left out, no such GPU"], [ZERO, ONE, TWO]),
    ],
)
def test_a_place_where_no_worker_starts_is_left_out_and_the_others_go_on(
    broken: tuple[Placement, str],
    lines: list[str],
    began: list[Placement],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = GridState(open=specs(tmp_path, *NAMES))
    sweep = Sweep(starts(broken), state, [ZERO, ONE, TWO])
    sweep.train()
    assert not sweep.runs.left
    assert [one for one in capsys.readouterr().out.splitlines() if "left out" in one] == lines
    assert sweep.starts == began


def test_a_sweep_ends_when_no_place_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Sweep(
        starts((ZERO, ""), (ONE, "")), GridState(open=specs(tmp_path, *NAMES)), [ZERO, ONE]
    )
    with pytest.raises(RunFailedError, match=f"^{DIED}"):
        sweep.train()
    assert capsys.readouterr().out == f"GPU 0: left out, {DIED}\n"
    assert sweep.starts == [ZERO] * MAX_FAILED_STARTS + [ONE] * MAX_FAILED_STARTS


def test_shares_of_one_cpu_are_not_tried_in_turn(tmp_path: Path) -> None:
    share = Placement("cpu")
    sweep = Sweep(starts((share, "")), GridState(open=specs(tmp_path, *NAMES)), [share] * 8)
    with pytest.raises(RunFailedError, match=DIED):
        sweep.train()
    assert len(sweep.starts) == MAX_FAILED_STARTS


def test_workers_that_die_before_they_begin_a_run_are_not_started_for_ever(tmp_path: Path) -> None:
    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        yield READY
        yield KILLED

    sweep = Sweep(script, GridState(open=specs(tmp_path, *NAMES)), [ZERO])
    with pytest.raises(RunFailedError, match=DIED):
        sweep.train()
    assert sweep.starts == [ZERO] * MAX_FAILED_STARTS


def test_what_stops_the_first_worker_stops_all(tmp_path: Path) -> None:
    state = GridState(open=specs(tmp_path, *NAMES))
    sweep = Sweep(starts((ZERO, "no data in nowhere")), state, [ZERO, ONE])
    with pytest.raises(InputError, match="no data in nowhere"):
        sweep.train()
    assert sweep.starts == [ZERO]
