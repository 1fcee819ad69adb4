"""Several runs one after the other: what `run` and `harness.run` do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness import device, runner, seeding
from harness.data import Data
from harness.files import exclusive, make_directory
from harness.plan import Options, Plan, plans, stored
from harness.progress import Reporter
from harness.record import RunRecord


@dataclass(frozen=True)
class Outcome:
    """One run's end: its record, and whether it was trained now or found done."""

    plan: Plan
    record: RunRecord
    trained: bool


def execute(
    names: Sequence[str],
    seeds: Sequence[int],
    options: Options,
    reporter: Reporter,
    *,
    retry_failed: bool = False,
    finished: Callable[[Outcome, Data], None] = lambda outcome, data: None,
) -> Iterator[Outcome]:
    """Train what is not done yet, one run at a time.

    Args:
        names, seeds: every pair is a run.
        options: the same for all.
        reporter: shown the progress.
        retry_failed: train a run again that failed before.
        finished: called after each run that was trained, with the data on the CPU.

    Raises:
        InputError, UnknownVariantError: before anything is trained or written.
    """
    planned = plans(names, seeds, options)
    seeding.make_deterministic()
    place = device.choose_device(options.device)
    make_directory(options.results)
    if place.type == "cpu":
        device.keep_freed_memory()
    dataset = options.load_data()
    on_device = dataset.to(place)
    for plan in planned:
        outcome = _found(plan, dataset, retry_failed)
        if outcome is None:
            with exclusive(plan.directory, _waiting(plan, reporter)):
                # Another process may have finished it meanwhile.
                outcome = _found(plan, dataset, retry_failed)
                if outcome is None:
                    record = runner.execute(plan, on_device, reporter)
                    outcome = Outcome(plan, record, trained=True)
                    finished(outcome, dataset)
        yield outcome


def _found(plan: Plan, dataset: Data, retry_failed: bool) -> Outcome | None:
    """The outcome of a run that needs no training."""
    done = stored(plan, dataset.fingerprint)
    if done is None or (done.failed and retry_failed):
        return None
    return Outcome(plan, done, trained=False)


def _waiting(plan: Plan, reporter: Reporter) -> Callable[[], None]:
    return lambda: reporter.say(f"{plan.title}: another process trains it; waiting")
