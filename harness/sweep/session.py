"""Several runs one after the other: what `run`, `sweep` and `harness.run` do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.data import dataset
from harness.data.dataset import Dataset
from harness.files import make_directory
from harness.progress import Forwarder, Reporter, Row
from harness.runs import cleanup, lock, status
from harness.runs.lock import LockLostError, RunLock
from harness.runs.options import RunOptions
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec, run_specs
from harness.sweep.grid import AfterRun
from harness.training import device, runner, seeding

# Seconds between two looks at a run that another process trains.
POLL = 0.5


@dataclass(frozen=True)
class RunResult:
    """One run's end: its record, and whether it was trained now or found done."""

    spec: RunSpec
    record: RunRecord
    trained: bool

    @property
    def line(self) -> str:
        """For people."""
        metrics = self.record.metrics
        if metrics is None:
            return f"{self.spec.title}: failed, {self.record.reason}"
        return (
            f"{self.spec.title}: accuracy {metrics.accuracy:.2%}, "
            f"macro F1 {metrics.macro_f1:.2%} "
            f"({'trained in' if self.trained else 'done before in'} "
            f"{self.record.train_seconds:.0f} s), {self.spec.directory}"
        )


@dataclass(frozen=True)
class Session:
    """What is paid once for any number of runs: the data, on the CPU and where it trains."""

    data: Dataset
    on_device: Dataset


def open_session(options: RunOptions) -> Session:
    """Set this process up for training and load the data.

    Raises:
        InputError: if the device or the data are not there, or the results folder cannot be
            written.
    """
    seeding.make_deterministic()
    place = device.choose_device(options.device)
    make_directory(options.results)
    if place.type == "cpu":
        device.reuse_freed_heap()
    data = dataset.load(options.dataset, options.data_dir, options.archive)
    return Session(data, data.to(place))


def train_if_needed(
    spec: RunSpec,
    bench: Session,
    reporter: Reporter,
    *,
    after_run: AfterRun | None = None,
    give_up_reason: str | None = None,
    device_was_shared: Callable[[], bool] = lambda: False,
) -> RunResult | None:
    """Train one run unless it is done; None if another process has it.

    Args:
        spec: the run.
        bench: data and device.
        reporter: shown the progress.
        after_run: see `harness.sweep.grid.Grid`.
        give_up_reason: record the run as failed for this reason instead of training it.
        device_was_shared: see `runner.train_run`.

    Raises:
        InputError: if the folder holds another run, or cannot be written.
        SharedDeviceOOMError: see `runner.train_run`.
    """
    outcome = _found(spec, bench)
    if outcome is not None:
        cleanup.remove_leftovers([spec])
        return outcome
    claim = lock.try_acquire(spec.directory)
    if claim is None:
        return None
    try:
        # Another process may have finished it meanwhile.
        outcome = _found(spec, bench)
        if outcome is None:
            cleanup.remove_partial_files(spec.directory)
            if give_up_reason is not None:
                record = runner.record_failure(spec, bench.on_device, give_up_reason)
                return RunResult(spec, record, trained=False)
            guard = LockCheckingReporter(reporter, claim)
            record = runner.train_run(spec, bench.on_device, guard, claim.check, device_was_shared)
            outcome = RunResult(spec, record, trained=True)
            if after_run is not None and not record.failed:
                evaluated = bench.data.split_by(spec.protocol).test
                images, labels = evaluated.images.numpy(), evaluated.labels.numpy()
                after_run(record, spec.directory, images, labels)
        return outcome
    except LockLostError as error:
        reporter.say(f"{spec.title}: {error}")
        return None
    finally:
        claim.release()


def train_all(
    names: Sequence[str],
    seeds: Sequence[int],
    options: RunOptions,
    reporter: Reporter,
    *,
    retry_failed: bool = False,
    after_run: AfterRun | None = None,
) -> Iterator[RunResult]:
    """Train what is not done yet, one run at a time; wait for what another process trains.

    Args:
        names, seeds: every pair is a run.
        options: the same for all.
        reporter, after_run: see `train_if_needed`.
        retry_failed: train a run again that failed before.

    Raises:
        InputError, UnknownVariantError: before anything is trained or written.
    """
    planned = run_specs(names, seeds, options)
    if retry_failed:
        planned = [status.as_retry(spec) for spec in planned]
    bench = open_session(options)
    for spec in planned:
        waits = False
        while True:
            outcome = train_if_needed(spec, bench, reporter, after_run=after_run)
            if outcome is not None:
                break
            if not waits:
                reporter.say(f"{spec.title}: another process trains it; waiting")
            waits = True
            time.sleep(POLL)
        yield outcome


class LockCheckingReporter(Forwarder):
    """Passes everything on, and ends the run where this process no longer holds it."""

    def __init__(self, reporter: Reporter, claim: RunLock) -> None:
        super().__init__(reporter)
        self._claim = claim

    def batch(self, done: int) -> None:
        self._claim.check()
        super().batch(done)

    def epoch(self, row: Row) -> None:
        self._claim.check()
        super().epoch(row)


def _found(spec: RunSpec, bench: Session) -> RunResult | None:
    """The outcome of a run that needs no training."""
    done = status.final_record(spec, bench.data.fingerprint)
    return None if done is None else RunResult(spec, done, trained=False)
