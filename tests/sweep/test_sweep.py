"""Sweeps from the command line: every run once, with the bits of a single run, despite kills."""

from __future__ import annotations

import dataclasses
import os
import re
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import variants
from harness.runs.record import RunRecord
from harness.runs.store import load
from harness.sweep.local import runs as local_runs
from harness.training import device, runner
from tests.helpers.sweep_processes import (
    EPOCHS,
    NAMES,
    kill,
    leftover_files,
    lock_holders,
    start_sweep,
    stored_hashes,
    wait_for_exit,
    wait_until_gone,
)
from variants import spec as variants_spec


@pytest.fixture(scope="module")
def finished(options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results folder of the same runs, trained by `run`."""
    folder = tmp_path_factory.mktemp("alone")
    status, _, errors = wait_for_exit(start_sweep(folder, "run", "--variant", NAMES, *options))
    assert status == 0, errors
    return folder / "results"


@pytest.fixture(scope="module")
def alone(finished: Path) -> dict[str, tuple[str, str]]:
    """Hashes of the runs trained by `run`."""
    return stored_hashes(finished)


def trained(output: str) -> int:
    """Number of trained epochs in the output."""
    return len(re.findall(r": epoch \d+/\d+  loss", output))


def test_a_sweep_gives_the_bits_of_runs_alone_seed_by_seed(
    alone: dict[str, tuple[str, str]], options: tuple[str, ...], tmp_path: Path
) -> None:
    status, output, errors = wait_for_exit(
        start_sweep(tmp_path, "sweep", "--variants", NAMES, *options)
    )
    assert status == 0, errors
    assert stored_hashes(tmp_path / "results") == alone
    assert leftover_files(tmp_path / "results") == []
    assert trained(output) == 4 * EPOCHS
    ends = re.findall(r"^(\w+ seed \d): accuracy", output, re.MULTILINE)
    assert ends == ["paper seed 0", "batch_norm seed 0", "paper seed 1", "batch_norm seed 1"]
    assert "4 of 4 done, 0 running, 0 failed, 0 pending" in output
    assert output.endswith("4 runs: 4 done, 0 failed\n")

    status, output, _ = wait_for_exit(start_sweep(tmp_path, "sweep", "--variants", NAMES, *options))
    assert (status, output) == (0, "4 runs: 4 done, 0 failed\n")
    status, output, _ = wait_for_exit(
        start_sweep(tmp_path, "sweep", "--variants", "ablations", *options, "--status")
    )
    assert status == 0
    assert "batch_norm seed 1: done" in output
    assert output.endswith("16 runs: 4 done, 0 failed, 0 running, 12 pending\n")

    (damaged,) = tmp_path.rglob("paper/seed-1/record.json")
    damaged.write_text("{")
    status, _, errors = wait_for_exit(start_sweep(tmp_path, "sweep", "--variants", NAMES, *options))
    assert status == 2
    assert re.fullmatch(r"harness: 1 of the runs were refused: .*Delete it to train.*\n", errors)


def test_workers_that_are_fresh_interpreters_train_the_published_network(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    """All other sweeps here fork their workers and train narrow networks, for speed."""
    command = ("sweep", "--variants", "paper", *options, "--seeds", "0", "--epochs", "1")
    status, output, errors = wait_for_exit(start_sweep(tmp_path, *command, full_network=True))
    assert status == 0, errors
    assert output.endswith("1 runs: 1 done, 0 failed\n")
    (path,) = tmp_path.rglob("record.json")
    assert load(path).parameters == 23_239_490  # of two classes


def test_workers_and_sweep_are_killed_and_every_run_ends_with_its_own_bits(
    alone: dict[str, tuple[str, str]], options: tuple[str, ...], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    command = ("sweep", "--variants", NAMES, *options, "--workers", "2")
    with start_sweep(tmp_path, *command) as process:
        killed: set[int] = set()
        while len(killed) < 2:
            killed |= {pid for pid in set(lock_holders(results)) - killed if kill(pid)}
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        # The next workers train: now the sweep itself.
        limit = time.monotonic() + 60
        while not set(lock_holders(results)) - killed:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < limit
            time.sleep(0.01)
        workers = set(lock_holders(results))
        process.kill()
        output, _ = process.communicate()
    assert wait_until_gone(workers)
    # The sweep may have been killed before it saw a death, and a worker that is killed as soon as
    # it has a lock has not yet said so.
    deaths = output.count("its worker ended (SIGKILL); it goes on in another")
    assert deaths <= len(killed)
    status, _, errors = wait_for_exit(start_sweep(tmp_path, *command))
    assert status == 0, errors
    assert stored_hashes(results) == alone
    assert leftover_files(results) == []


def test_two_sweeps_over_one_folder_train_nothing_twice(
    alone: dict[str, tuple[str, str]], options: tuple[str, ...], tmp_path: Path
) -> None:
    command = ("sweep", "--variants", NAMES, *options)
    both = [start_sweep(tmp_path, *command) for _ in range(2)]
    ends = [wait_for_exit(process) for process in both]
    assert [status for status, _, _ in ends] == [0, 0], ends
    assert sum(trained(output) for _, output, _ in ends) == 4 * EPOCHS
    assert stored_hashes(tmp_path / "results") == alone
    assert leftover_files(tmp_path / "results") == []


def starved(*arguments: Any, **checks: Any) -> RunRecord:
    """Train with little free memory, of which the trainer asks too much."""

    def trainer(*arguments: Any, **options: Any) -> None:
        torch.empty(2**31, dtype=torch.uint8)

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20, hard))
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(runner, "Trainer", trainer)
            return TRAIN_RUN(*arguments, **checks)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def killed(*arguments: Any, **checks: Any) -> RunRecord:
    """Die as by the out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


TRAIN_RUN = runner.train_run

FATES = {"dropout_0": starved, "dropout_25": killed}


def with_fates() -> None:
    """One run is short of memory, one kills its workers, and one diverges."""
    local_runs.MAX_CRASHES = 2
    runner.train_run = lambda spec, *rest, **checks: FATES.get(spec.variant.name, TRAIN_RUN)(
        spec, *rest, **checks
    )
    baseline = dataclasses.replace(variants.get("baseline"), learning_rate=1e9)
    variants_spec._registry["baseline"] = baseline


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by what Linux says it uses")
def test_runs_that_fail_are_named_and_all_others_finish(
    alone: dict[str, tuple[str, str]], options: tuple[str, ...], tmp_path: Path
) -> None:
    fates = ("sweep", "--variants", "dropout_0,dropout_25,baseline,paper", *options, "--seeds", "0")
    status, _, said = wait_for_exit(start_sweep(tmp_path, *fates, prepare=with_fates))
    assert status == 1
    assert "3 of the runs have no result" in said
    for phrase in (
        "dropout_0 seed 0 (out of memory",
        "dropout_25 seed 0 (its worker died 2 times in a row without finishing an epoch (killed",
        "baseline seed 0 (diverged: the test loss is ",
    ):
        assert phrase in said, said
    assert "Traceback" not in said
    results = tmp_path / "results"
    hashes = stored_hashes(results)
    run = "folder/3-epochs-fp32/paper/seed-0"
    assert hashes[run] == alone[run]
    assert {folder.split("/")[2] for folder in hashes} == {
        *("paper", "baseline", "dropout_0", "dropout_25")
    }

    # Failures stand until they are to be tried again; then each is tried once more.
    grid = ("sweep", "--variants", "dropout_0,paper", *options, "--seeds", "0")
    status, output, errors = wait_for_exit(start_sweep(tmp_path, *grid))
    assert status == 1
    assert "dropout_0 seed 0 (out of memory" in errors
    assert trained(output) == 0
    status, output, errors = wait_for_exit(start_sweep(tmp_path, *grid, "--retry-failed"))
    assert status == 0, errors
    assert trained(output) == EPOCHS
    assert leftover_files(results / "folder/3-epochs-fp32/dropout_0") == []


def short_of_memory_unseen() -> None:
    """Memory runs out once, within a library that takes another algorithm and says nothing."""
    short: list[int] = []

    def epoch(*arguments: Any) -> dict[str, Any]:
        row = EPOCH(*arguments)
        if not Path("short").exists():
            Path("short").touch()
            short.append(1)
        return row

    device.oom_count = lambda place: len(short)
    runner._epoch = epoch


EPOCH = runner._epoch


def test_after_memory_ran_out_unseen_another_worker_goes_on(
    alone: dict[str, tuple[str, str]], options: tuple[str, ...], tmp_path: Path
) -> None:
    command = ("sweep", "--variants", NAMES, *options, "--seeds", "0")
    sweep = start_sweep(tmp_path, *command, prepare=short_of_memory_unseen)
    status, output, errors = wait_for_exit(sweep)
    assert status == 1
    assert "its worker ended" not in output + errors  # it steps aside before it takes a run
    reason = "out of memory: the GPU's memory ran out within a library, which used another"
    assert f"1 of the runs have no result: paper seed 0 ({reason}" in errors
    hashes = stored_hashes(tmp_path / "results")
    run = "folder/3-epochs-fp32/batch_norm/seed-0"
    assert hashes[run] == alone[run]


def test_a_time_limit_starts_nothing_that_would_not_finish(
    finished: Path, options: tuple[str, ...], tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "results")
    other = ("sweep", "--variants", "paper", *options, "--seeds", "7", "--epochs", "9000")
    status, output, errors = wait_for_exit(start_sweep(tmp_path, *other, "--time-limit", "0.5"))
    assert status == 0, errors
    assert trained(output) == 0
    assert output.endswith("1 runs: 0 done, 0 failed, 1 left for the next time: the time limit\n")
    status, output, _ = wait_for_exit(start_sweep(tmp_path, *other, "--dry-run"))
    assert status == 0
    assert re.search(r"paper seed 7 +pending +[\d:]+ +2 runs: this device", output)
    assert "1 of 1 runs to train: " in output


def test_missing_data_are_one_clear_line(tmp_path: Path) -> None:
    command = ("sweep", "--dataset", "folder", "--data-dir", "nowhere", "--device", "cpu")
    status, _, errors = wait_for_exit(start_sweep(tmp_path, *command))
    assert status == 2
    assert errors.count("\n") == 1
    assert "nowhere" in errors
