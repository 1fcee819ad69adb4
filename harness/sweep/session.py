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
from harness.runs.lock import Lease, LeaseLostError
from harness.runs.options import Options
from harness.runs.record import RunRecord
from harness.runs.spec import Plan, plans
from harness.sweep.grid import AfterRun
from harness.training import device, runner, seeding

# Seconds between two looks at a run that another process trains.
POLL = 0.5


@dataclass(frozen=True)
class Outcome:
    """One run's end: its record, and whether it was trained now or found done."""

    plan: Plan
    record: RunRecord
    trained: bool

    @property
    def line(self) -> str:
        """For people."""
        metrics = self.record.metrics
        if metrics is None:
            return f"{self.plan.title}: failed, {self.record.reason}"
        return (
            f"{self.plan.title}: accuracy {metrics.accuracy:.2%}, "
            f"macro F1 {metrics.macro_f1:.2%} "
            f"({'trained in' if self.trained else 'done before in'} "
            f"{self.record.train_seconds:.0f} s), {self.plan.directory}"
        )


@dataclass(frozen=True)
class Bench:
    """What is paid once for any number of runs: the data, on the CPU and where it trains."""

    data: Dataset
    on_device: Dataset


def prepare(options: Options) -> Bench:
    """Set this process up for training and load the data.

    Raises:
        InputError: if the device or the data are not there, or the results folder cannot be
            written.
    """
    seeding.make_deterministic()
    place = device.choose_device(options.device)
    make_directory(options.results)
    if place.type == "cpu":
        device.keep_freed_memory()
    data = dataset.load(options.dataset, options.data_dir, options.archive)
    return Bench(data, data.to(place))


def attempt(
    plan: Plan,
    bench: Bench,
    reporter: Reporter,
    *,
    after_run: AfterRun | None = None,
    given_up: str | None = None,
    crowded: Callable[[], bool] = lambda: False,
) -> Outcome | None:
    """Train one run unless it is done; None if another process has it.

    Args:
        plan: the run.
        bench: data and device.
        reporter: shown the progress.
        after_run: see `harness.sweep.grid.Grid`.
        given_up: record the run as failed for this reason instead of training it.
        crowded: see `runner.execute`.

    Raises:
        InputError: if the folder holds another run, or cannot be written.
        CrowdedError: see `runner.execute`.
    """
    outcome = _found(plan, bench)
    if outcome is not None:
        cleanup.tidy([plan])
        return outcome
    claim = lock.attempt(plan.directory)
    if claim is None:
        return None
    try:
        # Another process may have finished it meanwhile.
        outcome = _found(plan, bench)
        if outcome is None:
            cleanup.clear_halves(plan.directory)
            if given_up is not None:
                record = runner.give_up(plan, bench.on_device, given_up)
                return Outcome(plan, record, trained=False)
            guard = _Guard(reporter, claim)
            record = runner.execute(plan, bench.on_device, guard, claim.check, crowded)
            outcome = Outcome(plan, record, trained=True)
            if after_run is not None and not record.failed:
                evaluated = bench.data.split_by(plan.protocol).test
                images, labels = evaluated.images.numpy(), evaluated.labels.numpy()
                after_run(record, plan.directory, images, labels)
        return outcome
    except LeaseLostError as error:
        reporter.say(f"{plan.title}: {error}")
        return None
    finally:
        claim.release()


def execute(
    names: Sequence[str],
    seeds: Sequence[int],
    options: Options,
    reporter: Reporter,
    *,
    retry_failed: bool = False,
    after_run: AfterRun | None = None,
) -> Iterator[Outcome]:
    """Train what is not done yet, one run at a time; wait for what another process trains.

    Args:
        names, seeds: every pair is a run.
        options: the same for all.
        reporter, after_run: see `attempt`.
        retry_failed: train a run again that failed before.

    Raises:
        InputError, UnknownVariantError: before anything is trained or written.
    """
    planned = plans(names, seeds, options)
    if retry_failed:
        planned = [status.retrying(plan) for plan in planned]
    bench = prepare(options)
    for plan in planned:
        waits = False
        while True:
            outcome = attempt(plan, bench, reporter, after_run=after_run)
            if outcome is not None:
                break
            if not waits:
                reporter.say(f"{plan.title}: another process trains it; waiting")
            waits = True
            time.sleep(POLL)
        yield outcome


class _Guard(Forwarder):
    """Passes everything on, and ends the run where this process no longer holds it."""

    def __init__(self, reporter: Reporter, claim: Lease) -> None:
        super().__init__(reporter)
        self._claim = claim

    def batch(self, done: int) -> None:
        self._claim.check()
        super().batch(done)

    def epoch(self, row: Row) -> None:
        self._claim.check()
        super().epoch(row)


def _found(plan: Plan, bench: Bench) -> Outcome | None:
    """The outcome of a run that needs no training."""
    done = status.settled(plan, bench.data.fingerprint)
    return None if done is None else Outcome(plan, done, trained=False)
