"""Sweeps that are interrupted, out of time or killed at random: no worker stays, no run is lost."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

import variants
from tests.helpers.commands import Command
from tests.helpers.sweep_processes import (
    kill,
    leftover_files,
    lock_holders,
    start_sweep,
    stored_hashes,
    wait_for_exit,
    wait_until_gone,
)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_an_interrupted_sweep_says_how_to_go_on_and_leaves_no_worker(
    number: int, status: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    with start_sweep(
        tmp_path, "sweep", "--variants", "paper", *options, "--epochs", "5000"
    ) as process:
        process.wait_for("epoch 1/5000")
        workers = set(lock_holders(tmp_path / "results"))
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert errors.count("\n") == 1
    assert "To go on: python -m harness sweep --variants paper" in errors
    assert workers
    assert wait_until_gone(workers, 1.0)
    assert not list(tmp_path.rglob(".lease*"))


@pytest.mark.slow
def test_a_run_of_unknown_cost_is_cut_off_by_the_time_limit(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    long = ("sweep", "--variants", "paper", *options, "--seeds", "0", "--epochs", "9000")
    status, output, errors = wait_for_exit(start_sweep(tmp_path, *long, "--time-limit", "0.4"))
    assert status == 0, errors
    assert "epoch 1/9000" in output
    assert output.endswith("1 runs: 0 done, 0 failed, 1 left for the next time: the time limit\n")
    assert not list(tmp_path.rglob(".lease*"))
    assert list(tmp_path.rglob("epoch-*.pt"))


def two_workers(results: Path, process: Command) -> list[int]:
    """Process numbers of the two workers of a sweep, once both train."""
    while len(living := lock_holders(results)) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    return list(living)


@pytest.mark.slow
def test_chaos(tmp_path: Path) -> None:
    """8 ablations x 4 seeds; each slot's worker is killed three times at random, the sweep once."""
    common = ("--dataset", "digits", "--epochs", "2", "--device", "cpu", "--no-figures")
    command = ("sweep", "--variants", "ablations", "--seeds", "0-3", *common, "--workers", "2")
    results, source = tmp_path / "results", random.Random(0)
    process, output, killed = start_sweep(tmp_path, *command), "", 0
    for round_ in range(3):
        if round_ == 2:
            workers = set(two_workers(results, process))
            process.kill()
            output += wait_for_exit(process)[1]
            assert wait_until_gone(workers)
            process = start_sweep(tmp_path, *command)
        pids = two_workers(results, process)
        source.shuffle(pids)
        for pid in pids:
            time.sleep(source.uniform(0, 3))
            killed += kill(pid)
    status, rest, errors = wait_for_exit(process)
    assert status == 0, errors
    assert killed >= 5  # so that each slot lost its worker twice; the last may have ended before
    # One that is killed between two runs loses none.
    told = (output + rest).count("its worker ended (SIGKILL); it goes on in another")
    assert 1 <= told <= killed
    hashes = stored_hashes(results)
    assert (
        len(hashes)
        == 4 * len(variants.names("ablations"))
        == len(list(results.rglob("record.json")))
    )
    assert leftover_files(results) == []
    # Runs alone, in two processes that share the seeds.
    single = tmp_path / "alone"
    single.mkdir()
    halves = [
        start_sweep(single, "run", "--variant", "ablations", "--seeds", seeds, *common)
        for seeds in ("0-1", "2-3")
    ]
    assert [wait_for_exit(half)[0] for half in halves] == [0, 0]
    assert hashes == stored_hashes(single / "results")
