"""Estimates of the time of runs, and the report of a dry run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.runs.options import RunOptions
from harness.runs.store import CHECKPOINTS, save
from harness.runs.threads import THREADS, cores
from harness.sweep import estimates
from harness.sweep.estimates import OVERHEAD, RuntimeEstimator, TimeLimit
from harness.sweep.grid import Capacity, Grid, seeds_first
from harness.sweep.local.machine import DeviceInfo, Placement, capacity
from tests.helpers.specs import DEVICE, as_failed, finished_run, make_spec


def test_the_nearest_runs_count(tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    other_device = finished_run(spec, 100.0, "a GPU")
    other_variant = finished_run(make_spec("baseline", tmp_path), 10.0)
    same_device = [finished_run(spec, seconds) for seconds in (1.0, 2.0, 6.0)]
    epochs = spec.protocol.epochs
    assert RuntimeEstimator([], DEVICE).estimate(spec) is None
    for records, seconds, basis in (
        ([other_device], 100.0, "1 run: another device"),
        ([other_device, other_variant], 10.0, "1 run: other variants, this device"),
        ([other_device, other_variant, *same_device], 2.0, "3 runs: this device"),
    ):
        estimate = RuntimeEstimator(records, DEVICE).estimate(spec)
        assert estimate is not None
        assert estimate.seconds == pytest.approx(OVERHEAD * seconds * epochs)
        assert estimate.basis == basis


def test_another_budget_is_scaled_and_other_work_passed_over(tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    short = finished_run(make_spec("paper", tmp_path, epochs=1), 5.0)
    estimate = RuntimeEstimator([short], DEVICE).estimate(spec)
    assert estimate is not None
    assert estimate.seconds == pytest.approx(OVERHEAD * 5.0 * spec.protocol.epochs)
    assert (
        RuntimeEstimator(
            [finished_run(make_spec("paper", tmp_path, precision="bf16"), 5.0)], DEVICE
        ).estimate(spec)
        is None
    )
    assert RuntimeEstimator([as_failed(finished_run(spec, 5.0))], DEVICE).estimate(spec) is None


def test_one_fold_takes_as_long_as_another(tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    first, last, coarser = (
        dataclasses.replace(spec, protocol=dataclasses.replace(spec.protocol, fold=k, folds=n))
        for k, n in ((0, 5), (4, 5), (1, 2))
    )
    estimator = RuntimeEstimator([finished_run(first, 2.0)], DEVICE)
    estimate = estimator.estimate(last)
    assert estimate is not None
    assert estimate.seconds == pytest.approx(OVERHEAD * 2.0 * spec.protocol.epochs)
    assert estimator.estimate(coarser) is None


def test_a_dry_run_adds_up_what_is_left(tmp_path: Path) -> None:
    options = RunOptions(dataset="digits", epochs=10, results=tmp_path)
    grid = Grid(specs=seeds_first(["paper", "baseline"], [0, 1], options), options=options)
    first, second, *_ = grid.specs
    save(first.directory, finished_run(first, 60.0 / OVERHEAD))
    (second.directory / CHECKPOINTS).mkdir(parents=True)
    (second.directory / CHECKPOINTS / "epoch-00004-abc.pt").touch()
    table, total = estimates.dry_run_report(grid, Capacity(DEVICE, 2))
    rows = table.splitlines()[2:]
    assert [" ".join(row.split()) for row in rows] == [
        "paper seed 0 done -",
        "baseline seed 0 pending, 4 of 10 epochs done 6:00 1 run: other variants, this device",
        "paper seed 1 pending 10:00 1 run: this device",
        "baseline seed 1 pending 10:00 1 run: other variants, this device",
    ]
    assert total == "3 of 4 runs to train: 26:00 in total, about 13:00 with 2 at once"


def test_a_run_on_fewer_threads_or_a_shared_gpu_takes_longer(tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path, epochs=1)
    run = finished_run(spec, 10.0)
    cpu = run.environment.model_copy(update={"threads": 2})
    alone = run.model_copy(update={"environment": cpu})
    for threads, load, seconds in ((2, 1.0, 10.0), (1, 1.0, 20.0), (4, 1.0, 10.0), (2, 2.0, 20.0)):
        estimator = RuntimeEstimator([alone], DEVICE, threads, load)
        estimate = estimator.estimate(spec)
        assert estimate is not None
        assert estimate.seconds == pytest.approx(OVERHEAD * seconds)


def test_runs_that_share_a_gpu_are_not_counted_as_if_each_had_one(tmp_path: Path) -> None:
    options = RunOptions(dataset="digits", epochs=10, results=tmp_path)
    grid = Grid(specs=seeds_first(["paper"], [0, 1, 2, 3, 4], options), options=options)
    save(grid.specs[0].directory, finished_run(grid.specs[0], 60.0 / OVERHEAD))
    gpus, cpu = DeviceInfo("cuda", DEVICE, 2), DeviceInfo("cpu", DEVICE, 1, threads=2)
    shared = capacity(gpus, [Placement("cuda")] * 8)
    assert estimates.dry_run_report(grid, shared)[1].endswith(
        "40:00 in total, about 20:00 with 8 at once"
    )
    assert capacity(cpu, [Placement("cpu", {THREADS: "1"})] * 2).threads == 1
    crowd = capacity(cpu, [Placement("cpu", {THREADS: str(cores())})] * 3)
    assert (crowd.slots, crowd.load) == (3, 3.0)


def test_a_time_limit_admits_what_would_end_in_time(tmp_path: Path) -> None:
    options = RunOptions(dataset="digits", epochs=10, results=tmp_path)
    specs = seeds_first(["paper", "baseline"], [0, 1], options)
    stored, resumed, unknown, other = specs
    unlimited = TimeLimit(Grid(specs=specs, options=options), Capacity(DEVICE, 1))
    hour = Grid(specs=specs, options=options, time_limit=3600.0)
    limit = TimeLimit(hour, Capacity(DEVICE, 1))
    assert limit.allows(unknown)
    save(stored.directory, finished_run(stored, 400.0))  # 4000 s and what is added to it
    limit.update()
    assert [limit.allows(spec) for spec in (unknown, other)] == [False, False]
    assert unlimited.allows(unknown)
    (resumed.directory / CHECKPOINTS).mkdir(parents=True)
    (resumed.directory / CHECKPOINTS / "epoch-00004-abc.pt").touch()
    assert limit.allows(resumed)
    assert not TimeLimit(dataclasses.replace(hour, time_limit=1.0), Capacity(DEVICE, 1)).allows(
        resumed
    )


def test_a_dry_run_without_records_says_so(tmp_path: Path) -> None:
    options = RunOptions(dataset="digits", results=tmp_path)
    grid = Grid(specs=seeds_first(["paper"], [0], options), options=options)
    table, total = estimates.dry_run_report(grid, Capacity(None, 1))
    assert "unknown" in table
    assert total == "1 of 1 runs to train"
