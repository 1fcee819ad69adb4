"""Several runs one after the other: what `run` and `harness.run` do."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import variants
from harness import data, device, protocols, runner, seeding
from harness.data import Data
from harness.errors import InputError
from harness.files import exclusive, make_directory
from harness.progress import Reporter
from harness.record import RunRecord


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person can choose about a run besides variant and seed.

    Attributes:
        dataset: "cifar10", "folder" or "digits".
        data_dir: where the dataset lies; None means $ALEXNET_DATA, else "data".
        archive: URL or file of the official archive; None means $ALEXNET_ARCHIVE, else
            torchvision's URL.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision, epochs: None for the protocol's own.
        validation: judge on a tenth of the training images instead of the test images.
        results: the results folder.
        eager: see `harness.runner.Plan`.
    """

    dataset: str = "cifar10"
    data_dir: Path | None = None
    archive: str | None = None
    device: str = "auto"
    precision: str | None = None
    epochs: int | None = None
    validation: bool = False
    results: Path = Path("results")
    eager: bool = False

    def load_data(self) -> Data:
        """The dataset, on the CPU."""
        directory = self.data_dir or Path(os.environ.get("ALEXNET_DATA", "data"))
        return data.load(self.dataset, directory, self.archive or os.environ.get("ALEXNET_ARCHIVE"))


@dataclass(frozen=True)
class Outcome:
    """One run's end: its record, and whether it was trained now or found done."""

    plan: runner.Plan
    record: RunRecord
    trained: bool


def plans(names: Sequence[str], seeds: Sequence[int], options: Options) -> list[runner.Plan]:
    """Every run asked for, variants first, without touching data or device.

    Raises:
        InputError, UnknownVariantError: if a name or an option is wrong.
    """
    protocol, departures = protocols.resolve(
        options.dataset,
        epochs=options.epochs,
        precision=options.precision,
        validation=options.validation,
    )
    chosen = [variants.get(name) for name in names]
    return [
        runner.Plan(variant, seed, protocol, departures, options.results, options.eager)
        for variant in chosen
        for seed in seeds
    ]


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


def _found(plan: runner.Plan, dataset: Data, retry_failed: bool) -> Outcome | None:
    """The outcome of a run that needs no training."""
    done = runner.stored(plan, dataset)
    if done is None or (done.failed and retry_failed):
        return None
    return Outcome(plan, done, trained=False)


def _waiting(plan: runner.Plan, reporter: Reporter) -> Callable[[], None]:
    return lambda: reporter.say(f"{plan.title}: another process trains it; waiting")


def parse_seeds(text: str) -> list[int]:
    """Seeds of "0-19,30": numbers and ranges, each once, in the order given.

    Raises:
        InputError: if the text is anything else.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if low > high or high - low >= 100_000:
            raise InputError(
                f"seeds {text!r} do not parse: write numbers and ranges such as 0-19,30."
            )
        seeds.update(dict.fromkeys(range(low, high + 1)))
    return list(seeds)


def parse_variants(text: str) -> list[str]:
    """Names of "a,b" or "all", each once."""
    if text == "all":
        return variants.names()
    return list(dict.fromkeys(name.strip() for name in text.split(",")))
