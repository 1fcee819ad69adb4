"""Train runs one after the other in this process, loading the data once."""

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

# Seconds between two checks of a run that another process trains.
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class RunResult:
    """The record of a run, and whether it was trained now or before."""

    spec: RunSpec
    record: RunRecord
    trained: bool

    @property
    def line(self) -> str:
        """One line with the result, for messages."""
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
    """The data of any number of runs, loaded once.

    Attributes:
        data: the dataset on the CPU.
        on_device: the same on the device that trains.
    """

    data: Dataset
    on_device: Dataset


def open_session(options: RunOptions) -> Session:
    """Prepare this process for training and load the data.

    Raises:
        InputError: if the device or the data are missing, or the results folder cannot be written.
    """
    seeding.make_deterministic()
    training_device = device.choose_device(options.device)
    make_directory(options.results)
    if training_device.type == "cpu":
        device.reuse_freed_heap()
    data = dataset.load(options.dataset, options.data_dir, options.archive)
    return Session(data, data.to(training_device))


def train_if_needed(
    spec: RunSpec,
    session: Session,
    reporter: Reporter,
    *,
    after_run: AfterRun | None = None,
    give_up_reason: str | None = None,
    device_was_shared: Callable[[], bool] = lambda: False,
) -> RunResult | None:
    """Train one run unless it is done.

    Args:
        spec: the run.
        session: data and device.
        reporter: receives the progress.
        after_run: see `harness.sweep.grid.Grid`.
        give_up_reason: record the run as failed for this reason instead of training it.
        device_was_shared: see `runner.train_run`.

    Returns:
        The result; None if another process trains the run.

    Raises:
        InputError: if the folder holds another run or cannot be written.
        RunFailedError, SharedDeviceOOMError: see `runner.train_run`.
    """
    result = _existing_result(spec, session)
    if result is not None:
        cleanup.remove_leftovers([spec])
        return result
    run_lock = lock.try_acquire(spec.directory)
    if run_lock is None:
        return None
    try:
        # Another process may have finished it meanwhile.
        result = _existing_result(spec, session)
        if result is None:
            cleanup.remove_partial_files(spec.directory)
            if give_up_reason is not None:
                record = runner.record_failure(spec, session.on_device, give_up_reason)
                return RunResult(spec, record, trained=False)
            record = runner.train_run(
                spec,
                session.on_device,
                LockCheckingReporter(reporter, run_lock),
                run_lock.check,
                device_was_shared,
            )
            result = RunResult(spec, record, trained=True)
            if after_run is not None and not record.failed:
                evaluated = session.data.split_by(spec.protocol).test
                images, labels = evaluated.images.numpy(), evaluated.labels.numpy()
                after_run(record, spec.directory, images, labels)
        return result
    except LockLostError as error:
        reporter.say(f"{spec.title}: {error}")
        return None
    finally:
        run_lock.release()


def train_all(
    names: Sequence[str],
    seeds: Sequence[int],
    options: RunOptions,
    reporter: Reporter,
    *,
    retry_failed: bool = False,
    after_run: AfterRun | None = None,
) -> Iterator[RunResult]:
    """Train all runs that are not done, one at a time; wait for runs that another process trains.

    Args:
        names, seeds: every combination is a run.
        options: options of all runs.
        reporter, after_run: see `train_if_needed`.
        retry_failed: train runs again that failed before.

    Yields:
        The result of each run, in order.

    Raises:
        InputError: see `open_session`, `train_if_needed`; also if an option is invalid.
        UnknownVariantError: if a variant is not registered.
        RunFailedError: see `runner.train_run`.
    """
    specs = run_specs(names, seeds, options)
    if retry_failed:
        specs = [status.as_retry(spec) for spec in specs]
    session = open_session(options)
    for spec in specs:
        waiting = False
        while True:
            result = train_if_needed(spec, session, reporter, after_run=after_run)
            if result is not None:
                break
            if not waiting:
                reporter.say(f"{spec.title}: another process trains it; waiting")
            waiting = True
            time.sleep(POLL_SECONDS)
        yield result


class LockCheckingReporter(Forwarder):
    """Forward every event, and raise an error once this process has lost the run's lock."""

    def __init__(self, reporter: Reporter, run_lock: RunLock) -> None:
        super().__init__(reporter)
        self._lock = run_lock

    def batch(self, done: int) -> None:
        self._lock.check()
        super().batch(done)

    def epoch(self, row: Row) -> None:
        self._lock.check()
        super().epoch(row)


def _existing_result(spec: RunSpec, session: Session) -> RunResult | None:
    """The result of a run that needs no training; None if it must be trained."""
    record = status.final_record(spec, session.data.fingerprint)
    return None if record is None else RunResult(spec, record, trained=False)
