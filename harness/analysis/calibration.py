"""Choose the number of epochs: the smallest that reaches the target on the validation split.

The rule, its candidates and its target are in the decision file. The test images have no part in
it: the runs train on 45,000 of the training images and are evaluated on the other 5,000. A
candidate whose first seed misses the target by more than chance over seeds can make good gets no
others; on a CPU this saves a third of the time.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from harness.analysis.groups import RunGroup
from harness.errors import RunFailedError
from harness.protocol import decision
from harness.protocol.decision import Decision
from harness.runs.record import DatasetInfo, RunRecord

# Deviations over seeds, as the decision file expects them, by which a first run must miss the
# target for the other seeds of its candidate to be spared.
FUTILITY_SDS = 6

# Images that the candidates are evaluated on.
SPLIT = "validation"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Candidate(_Model):
    """Accuracy of the runs of one number of epochs.

    Attributes:
        epochs: the budget.
        seeds: of its runs.
        accuracies: on the validation split after the last epoch, by seed; fractions.
        mean: of the accuracies.
        standard_error: of the mean over seeds, None of one; the split's own is 0.6 points at 75 %.
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


class Calibration(_Model):
    """The record of a calibration; everything in it follows from the records of its runs.

    Attributes:
        variant, target: what is to reach which accuracy.
        dataset: as in a run's record.
        candidates: those that were tried, smallest first.
        epochs: the smallest that reaches the target; None if none has.
        decision_sha256: of the decision file that has the rule.
    """

    variant: str
    target: float
    dataset: DatasetInfo
    candidates: Annotated[list[Candidate], Field(min_length=1)]
    epochs: PositiveInt | None
    decision_sha256: str

    @model_validator(mode="after")
    def _possible(self) -> Calibration:
        if self.dataset.split != SPLIT:
            raise ValueError(f"dataset.split is {self.dataset.split!r} and not {SPLIT!r}")
        tried = [candidate.epochs for candidate in self.candidates]
        if tried != [e for e in decision.load().budgets.candidates if e in tried]:
            raise ValueError("the candidates are not the decision file's, smallest first")
        return self

    @property
    def runs(self) -> dict[tuple[int, int], float]:
        """The accuracy of each run that it is made from, by epochs and seed."""
        return {
            (candidate.epochs, seed): accuracy
            for candidate in self.candidates
            for seed, accuracy in zip(candidate.seeds, candidate.accuracies, strict=True)
        }

    def to_bytes(self) -> bytes:
        """The text of `calibration.json`: one text for one content."""
        return json.dumps(self.model_dump(mode="json"), indent=1).encode() + b"\n"

    def sha256(self) -> str:
        """SHA-256 of that text."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def search(
    seeds: Sequence[int],
    train: Callable[[Sequence[tuple[int, int]]], list[RunRecord]],
    at_once: int = 1,
) -> Calibration:
    """Try the candidates from the smallest up until one reaches the target.

    Args:
        seeds: of the runs of every candidate that is not hopeless after the first.
        train: returns the record of each run given by epochs and seed, trained or read.
        at_once: candidates whose first seeds are trained together. One that turns out to be larger
            than needed has no part in the calibration.

    Raises:
        RunFailedError: if a run failed: a mean over the others would flatter.
    """
    candidates = decision.load().budgets.candidates
    tried: list[RunRecord] = []
    for start in range(0, len(candidates), at_once):
        chunk = candidates[start : start + at_once]
        for epochs, first in zip(chunk, train([(e, seeds[0]) for e in chunk]), strict=True):
            others = [] if _hopeless(first) else train([(epochs, seed) for seed in seeds[1:]])
            tried += [first, *others]
            calibration = summarise(tried)
            if calibration.epochs is not None:
                return calibration
    return calibration


def _hopeless(first: RunRecord) -> bool:
    rule = decision.load()
    least = rule.budgets.target - FUTILITY_SDS * rule.description.expected_sd
    return first.metrics is None or first.metrics.accuracy < least


def summarise(records: Iterable[RunRecord]) -> Calibration:
    """The calibration that the records of its runs amount to.

    Raises:
        RunFailedError: if one of them failed.
    """
    records = list(records)
    if failed := [record for record in records if record.metrics is None]:
        raise RunFailedError(
            f"{failed[0].protocol.epochs} epochs, seed {failed[0].seed}: {failed[0].reason}. "
            "A budget is chosen over all its seeds or not at all."
        )
    tried: dict[int, dict[int, float]] = defaultdict(dict)
    for record in records:
        if record.metrics is not None:
            tried[record.protocol.epochs][record.seed] = record.metrics.accuracy
    return apply_rule(records[0].dataset, tried)


def apply_rule(dataset: DatasetInfo, tried: Mapping[int, Mapping[int, float]]) -> Calibration:
    """The calibration that accuracies give by the rule of the decision file.

    Args:
        dataset: of the runs.
        tried: the accuracy of each run, a fraction, by epochs and seed; at least one of each.
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
    enough = len(seeds) >= rule.budgets.calibration_seeds
    mean = statistics.fmean(accuracies)
    several = len(seeds) > 1
    return Candidate(
        epochs=epochs,
        seeds=seeds,
        accuracies=accuracies,
        mean=mean,
        standard_error=statistics.stdev(accuracies) / math.sqrt(len(seeds)) if several else None,
        reaches=enough and mean >= rule.budgets.target,
    )


def uses_run(found: Calibration, run: RunRecord) -> bool:
    """Whether a run is one of those that the calibration is made from.

    Never one that was evaluated on the test images, nor one that departs from the protocol in
    more than its epochs, as in its precision.
    """
    return (
        run.variant == found.variant
        and run.metrics is not None
        and run.dataset.split == SPLIT
        and run.dataset.fingerprint == found.dataset.fingerprint
        and run.departures.keys() <= {"epochs", "validation"}
        and found.runs.get((run.protocol.epochs, run.seed)) == run.metrics.accuracy
    )


def count_calibration_runs(group: RunGroup, found: Iterable[Calibration]) -> int:
    """How many runs of a group calibrations show already."""
    return sum(any(uses_run(one, run) for one in found) for run in group.records)


def drop_calibration_groups(
    groups: Sequence[RunGroup], found: Collection[Calibration]
) -> list[RunGroup]:
    """The groups without those that are wholly runs behind a calibration, which shows them;
    where there are no others, all."""
    return [g for g in groups if count_calibration_runs(g, found) < len(g.records)] or [*groups]


def missing_runs(found: Calibration, records: Iterable[RunRecord]) -> list[tuple[int, int]]:
    """Epochs and seed of each run that the calibration is made from and that is not there."""
    there = {(run.protocol.epochs, run.seed) for run in records if uses_run(found, run)}
    return [run for run in found.runs if run not in there]
