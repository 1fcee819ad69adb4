"""Train runs in this process, loading the data once: the one loop that all engines share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from harness.data import dataset, held_out
from harness.data.dataset import Dataset
from harness.errors import InputError, UnwritableError
from harness.files import make_directory
from harness.progress import Reporter
from harness.runs import cleanup, lock, status, store
from harness.runs.lock import LockLostError
from harness.runs.options import RunOptions
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.sweep.grid import AfterRun
from harness.training import device, environment, runner, seeding

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
        line = (
            f"{self.spec.title}: accuracy {metrics.accuracy:.2%}, "
            f"macro F1 {metrics.macro_f1:.2%} "
            f"({'trained' if self.trained else 'done before'} on "
            f"{self.record.environment.device_type} in {self.record.train_seconds:.0f} s), "
            f"{self.spec.directory}"
        )
        if self.trained or (self.spec.directory / store.WEIGHTS).exists():
            return line
        return f"{line}; its weights are not there: --results FOLDER trains it again"


def prepare(options: RunOptions) -> Dataset:
    """Prepare this process for training and load the data.

    Returns:
        The dataset, on the device that trains.

    Raises:
        InputError: if the device or the data are missing, the results folder cannot be written, or
            there are too few training images to hold out a tenth of each class.
    """
    seeding.make_deterministic()
    environment.code()  # a commit made while this process trains is not the one that trained
    training_device = device.choose_device(options.device)
    make_directory(options.results)
    if training_device.type == "cpu":
        device.reuse_freed_heap()
    data = dataset.load(options.dataset, options.data_dir, options.archive)
    if options.validation:
        held_out.require_images(data)
    return data.to(training_device)


def train_if_needed(
    spec: RunSpec,
    data: Dataset,
    reporter: Reporter,
    *,
    after_run: AfterRun | None = None,
    give_up_reason: str | None = None,
) -> RunResult | None:
    """Train one run unless it is done.

    Args:
        spec: the run.
        data: the dataset, on the device that trains.
        reporter: receives the progress.
        after_run: see `harness.sweep.grid.Grid`.
        give_up_reason: record the run as failed for this reason instead of training it.

    Returns:
        The result; None if another process trains the run.

    Raises:
        InputError: if the folder holds another run or cannot be written.
        RunFailedError: if the GPU's memory ran out in this process: another one has to go on.
    """
    result = _existing_result(spec, data)
    if result is not None:
        cleanup.remove_leftovers([spec])
        return result
    # Before the run is taken: else a worker that steps aside would count as one that died of it.
    device.require_clean_process(data.train.labels.device)
    run_lock = lock.try_acquire(spec.directory)
    if run_lock is None:
        return None
    try:
        # Another process may have finished it meanwhile.
        result = _existing_result(spec, data)
        if result is None:
            reporter.start(spec.directory)
            cleanup.remove_partial_files(spec.directory)
            if give_up_reason is not None:
                record = runner.record_failure(spec, data, give_up_reason)
                return RunResult(spec, record, trained=False)
            record = runner.train_run(spec, data, reporter, assert_lock_held=run_lock.check)
            result = RunResult(spec, record, trained=True)
            if after_run is not None and not record.failed:
                test = data.split_by(spec.protocol).test
                images, labels = test.images.cpu().numpy(), test.labels.cpu().numpy()
                after_run(record, spec.directory, images, labels)
        return result
    except LockLostError as error:
        reporter.say(f"{spec.title}: {error}")
        return None
    finally:
        run_lock.release()


def train_open_runs(
    specs: Sequence[RunSpec],
    data: Dataset,
    reporter: Reporter,
    *,
    after_run: AfterRun | None = None,
    may_start: Callable[[RunSpec], bool] = lambda spec: True,
    given_up: Mapping[Path, str] = MappingProxyType({}),
    on_refusal: Callable[[RunSpec, InputError], None] | None = None,
) -> Iterator[RunResult]:
    """Train every run that is not done, always the first that no other process trains.

    `run`, the workers of a local sweep and Slurm jobs all train by this loop. They need not know
    of each other: a run's lock and record say whether it is open.

    Args:
        specs: the runs, in order.
        data, reporter, after_run: see `train_if_needed`.
        may_start: asked before a run starts; a run that may not start is left out.
        given_up: runs that are recorded as failed instead of trained: {folder: reason}.
        on_refusal: called for a run that cannot be trained, such as one whose folder holds another
            run; None raises the error.

    Yields:
        The result of each run, as soon as it has ended here or in another process.

    Raises:
        UnwritableError: if results cannot be written.
        InputError: if a run is refused and `on_refusal` is None.
        RunFailedError: if the GPU's memory ran out in this process: another one has to go on.
    """
    remaining, announced = list(specs), set[Path]()
    while remaining:
        for spec in list(remaining):
            reason = given_up.get(spec.directory)
            if reason is None and not may_start(spec):
                remaining.remove(spec)
                continue
            try:
                result = train_if_needed(
                    spec, data, reporter, after_run=after_run, give_up_reason=reason
                )
            except UnwritableError:
                raise
            except InputError as error:
                if on_refusal is None:
                    raise
                remaining.remove(spec)
                on_refusal(spec, error)
                continue
            if result is not None:
                remaining.remove(spec)
                yield result
                break  # a run before it may be open again
        else:
            for spec in remaining:
                if spec.directory not in announced:
                    reporter.wait(spec.title, spec.directory)
                announced.add(spec.directory)
            if remaining:
                time.sleep(POLL_SECONDS)


def _existing_result(spec: RunSpec, data: Dataset) -> RunResult | None:
    """The result of a run that needs no training; None if it must be trained."""
    record = status.final_record(spec, data.fingerprint)
    return None if record is None else RunResult(spec, record, trained=False)
