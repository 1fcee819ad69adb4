"""Choose the number of epochs: the smallest that reaches the target on the validation split.

The rule, its candidates and its target are in the decision file. No test image is used: the runs
train on 45,000 of the training images and are evaluated on the other 5,000. Only one addition is
made here: a candidate whose first seed misses the target by more than variation over seeds can
explain gets no further seeds; on a CPU this saves a third of the time.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from harness.analysis.groups import RunGroup
from harness.errors import RunFailedError
from harness.protocol import decision
from harness.protocol.decision import Decision
from harness.runs.record import DatasetInfo, RunRecord
from harness.schema import StrictModel

# A candidate gets no further seeds if its first run misses the target by more than this many of
# the standard deviations over seeds that the decision file expects.
FUTILITY_SDS = 6

# The split that candidates are evaluated on.
SPLIT = "validation"


class Candidate(StrictModel):
    """Accuracy of the runs with one number of epochs.

    Attributes:
        epochs: the budget.
        seeds: of its runs.
        accuracies: on the validation split after the last epoch, by seed; fractions.
        mean: of the accuracies.
        standard_error: of the mean over seeds, None for one seed; the error from the choice of
            the split is 0.6 points at 75 %.
        reaches: whether the mean reaches the target.
    """

    epochs: PositiveInt
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]
    accuracies: list[Annotated[float, Field(ge=0, le=1)]]
    mean: float
    standard_error: float | None
    reaches: bool

    @model_validator(mode="after")
    def _one_accuracy_a_seed(self) -> Candidate:
        if len(self.seeds) != len(self.accuracies):
            raise ValueError(f"{len(self.seeds)} seeds and {len(self.accuracies)} accuracies")
        if self.seeds != sorted(set(self.seeds)):
            raise ValueError("the seeds are not distinct, smallest first")
        return self


class Calibration(StrictModel):
    """The record of a calibration; everything in it follows from the records of its runs.

    Attributes:
        variant: the variant that was trained.
        target: accuracy that it must reach, a fraction.
        dataset: as in a run's record.
        candidates: those that were tried, smallest first.
        epochs: the smallest budget that reaches the target; None if none does.
        decision_sha256: of the decision file that defines the rule.
    """

    variant: str
    target: float
    dataset: DatasetInfo
    candidates: Annotated[list[Candidate], Field(min_length=1)]
    epochs: PositiveInt | None
    decision_sha256: str

    @model_validator(mode="after")
    def _consistent(self) -> Calibration:
        if self.dataset.split != SPLIT:
            raise ValueError(f"dataset.split is {self.dataset.split!r} and not {SPLIT!r}")
        budgets = decision.load().budgets
        tried = [candidate.epochs for candidate in self.candidates]
        if tried != budgets.candidates[: len(tried)]:
            raise ValueError("the candidates are not the decision file's, smallest first")
        for candidate in self.candidates:
            n = 1 if _is_futile(candidate.accuracies[0]) else budgets.calibration_seeds
            if candidate.seeds != [*range(n)]:
                found, wanted = (", ".join(map(str, s)) for s in (candidate.seeds, range(n)))
                raise ValueError(
                    f"{candidate.epochs} epochs have seeds {found} and not {wanted}, by the rule"
                )
        return self

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that was chosen; None if none reaches the target."""
        return next((c for c in self.candidates if c.epochs == self.epochs), None)

    @property
    def runs(self) -> dict[tuple[int, int], float]:
        """Accuracy of each run of the calibration, by (epochs, seed); fractions."""
        return {
            (candidate.epochs, seed): accuracy
            for candidate in self.candidates
            for seed, accuracy in zip(candidate.seeds, candidate.accuracies, strict=True)
        }

    def to_bytes(self) -> bytes:
        """The content of `calibration.json`; equal calibrations give equal bytes."""
        return json.dumps(self.model_dump(mode="json"), indent=1).encode() + b"\n"

    def sha256(self) -> str:
        """SHA-256 of `to_bytes`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def search(
    train: Callable[[Sequence[tuple[int, int]]], list[RunRecord]],
    at_once: int = 1,
) -> Calibration:
    """Try the candidates from the smallest up until one reaches the target.

    The first seed of each is trained before its others.

    Args:
        train: returns the record of each run, given by (epochs, seed), trained or read.
        at_once: number of candidates whose first seeds are trained together. Those larger than
            the chosen one are left out of the calibration.

    Returns:
        The calibration; its `epochs` is None if no candidate reaches the target.

    Raises:
        RunFailedError: if a run failed: a mean over the others would be too high.
    """
    budgets = decision.load().budgets
    candidates, others = budgets.candidates, range(1, budgets.calibration_seeds)
    tried: list[RunRecord] = []
    for start in range(0, len(candidates), at_once):
        chunk = candidates[start : start + at_once]
        for epochs, first in zip(chunk, train([(e, 0) for e in chunk]), strict=True):
            tried.append(first)
            if first.metrics is not None and not _is_futile(first.metrics.accuracy):
                tried += train([(epochs, seed) for seed in others])
            calibration = summarize(tried)
            if calibration.epochs is not None:
                return calibration
    return calibration


def _is_futile(first: float) -> bool:
    """Whether further seeds cannot lift a candidate with this first accuracy to the target."""
    rule = decision.load()
    return first < rule.budgets.target - FUTILITY_SDS * rule.description.expected_sd


def summarize(records: Sequence[RunRecord]) -> Calibration:
    """Make a calibration from the records of its runs.

    Args:
        records: at least one.

    Raises:
        RunFailedError: if one of the runs failed.
    """
    tried: dict[int, dict[int, float]] = defaultdict(dict)
    for record in records:
        if record.metrics is None:
            raise RunFailedError(
                f"{record.protocol.epochs} epochs, seed {record.seed}: {record.reason}. "
                "A budget is chosen only if all its seeds finish."
            )
        tried[record.protocol.epochs][record.seed] = record.metrics.accuracy
    return apply_rule(records[0].dataset, tried)


def apply_rule(dataset: DatasetInfo, tried: Mapping[int, Mapping[int, float]]) -> Calibration:
    """Choose the budget from accuracies by the rule of the decision file.

    Args:
        dataset: of the runs.
        tried: accuracy of each run by epochs, then seed; fractions. Not empty.
    """
    rule = decision.load()
    candidates = [_candidate(epochs, tried[epochs], rule) for epochs in sorted(tried)]
    reaching = [candidate.epochs for candidate in candidates if candidate.reaches]
    return Calibration(
        variant=rule.accuracy.variant,
        target=rule.budgets.target,
        dataset=dataset,
        candidates=candidates,
        epochs=min(reaching, default=None),
        decision_sha256=decision.sha256(),
    )


def _candidate(epochs: int, by_seed: Mapping[int, float], rule: Decision) -> Candidate:
    seeds = sorted(by_seed)
    accuracies = [by_seed[seed] for seed in seeds]
    mean = statistics.fmean(accuracies)
    standard_error = None
    if len(seeds) > 1:
        standard_error = statistics.stdev(accuracies) / math.sqrt(len(seeds))
    return Candidate(
        epochs=epochs,
        seeds=seeds,
        accuracies=accuracies,
        mean=mean,
        standard_error=standard_error,
        reaches=mean >= rule.budgets.target,
    )


def uses_run(calibration: Calibration, run: RunRecord) -> bool:
    """Whether a calibration is made from this run, among others.

    Never from one that was evaluated on the test images, or that departs from the protocol in
    more than its epochs, for example in its precision.
    """
    return (
        run.variant == calibration.variant
        and run.metrics is not None
        and run.dataset.split == SPLIT
        and run.dataset.fingerprint == calibration.dataset.fingerprint
        and run.departures.keys() <= {"epochs", "validation"}
        and calibration.runs.get((run.protocol.epochs, run.seed)) == run.metrics.accuracy
    )


def count_calibration_runs(group: RunGroup, calibrations: Collection[Calibration]) -> int:
    """Number of runs of a group that calibrations are made from."""
    return sum(
        any(uses_run(calibration, run) for calibration in calibrations) for run in group.records
    )


def drop_calibration_groups(
    groups: Sequence[RunGroup], calibrations: Collection[Calibration]
) -> list[RunGroup]:
    """Drop the groups that consist of calibration runs alone; keep all if no other is left."""
    others = [g for g in groups if count_calibration_runs(g, calibrations) < len(g.records)]
    return others or [*groups]


def missing_runs(calibration: Calibration, records: Iterable[RunRecord]) -> list[tuple[int, int]]:
    """(epochs, seed) of each run that a calibration is made from and that `records` lacks."""
    present = {(run.protocol.epochs, run.seed) for run in records if uses_run(calibration, run)}
    return [run for run in calibration.runs if run not in present]
