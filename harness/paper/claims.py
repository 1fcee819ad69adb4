"""The paper's claims: quotation, section, and what confirms or refutes each."""

from __future__ import annotations

from dataclasses import dataclass

from harness.protocol.decision import Decision


@dataclass(frozen=True)
class Claim:
    """One claim of the paper; it is open while it is neither confirmed nor refuted.

    Attributes:
        key: selects the rule that judges it, see `harness.verdict.claim_status`.
        sentence: the claim in few words.
        quote: the paper's words.
        where: section of the paper.
        confirmed, refuted: what our runs must show to confirm or refute it.
    """

    key: str
    sentence: str
    quote: str
    where: str
    confirmed: str
    refuted: str


@dataclass(frozen=True)
class Range:
    """Range that a claim gives for a figure of every class.

    Attributes:
        figure: "precision" or "f1".
        low, high: both ends, fractions.
    """

    figure: str
    low: float
    high: float

    @property
    def text(self) -> str:
        """The range in percent, such as "60 to 80 %"."""
        return f"{100 * self.low:g} to {100 * self.high:g} %"


# The paper's own tables can contradict these two claims.
PRECISION = Range("precision", 0.60, 0.80)

F1 = Range("f1", 0.50, 0.90)

RANGES = (PRECISION, F1)


def claims(decision: Decision) -> tuple[Claim, ...]:
    """All claims, with the thresholds of the decision file in their sentences."""
    return (*_figures(decision), *_causes(decision), *_curves(decision))


def _percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def _points(fraction: float) -> str:
    return f"{100 * fraction:g} point" + ("" if fraction == 0.01 else "s")


def _intervals(decision: Decision) -> str:
    """The intervals that decide claims on ranges and curves, with their level at each look."""
    levels = ", ".join(
        f"{_percent(1 - decision.ranges.alpha * weight)} at {seeds}"
        for seeds, weight in zip(decision.looks.seeds, decision.looks.weights, strict=True)
    )
    return f"interval over seeds ({levels} seeds)"


def _figures(decision: Decision) -> tuple[Claim, ...]:
    rules = decision.accuracy
    levels = ", ".join(
        f"{_percent(level)} at {seeds} seeds"
        for level, seeds in zip(rules.levels, decision.looks.seeds, strict=True)
    )
    margin = _points(rules.margin)
    in_range = f"every class's {_intervals(decision)} lies in the range, Bonferroni over classes"
    out_of_range = (
        "the paper's own tables contradict it, or some class's interval lies wholly outside"
    )
    return (
        Claim(
            "accuracy",
            "test accuracy is 75 %",
            "the AlexNet model constructed achieved a consistent 75% accuracy rate",
            "4.2",
            f"by one-sided tests ({levels}), ours minus reported lies within {margin} of zero: "
            "REPRODUCED",
            "it lies above that (EXCEEDED) or below it (NOT REACHED) by one of these tests",
        ),
        Claim(
            "precision",
            f"precision of every class is {PRECISION.text}",
            "The precision for both runs remains consistently between 60% and 80%",
            "4.2",
            in_range,
            out_of_range,
        ),
        Claim(
            "f1",
            f"F1 of every class is {F1.text}",
            "the F1-Score [...] consistently ranges between 50% and 90%",
            "4.2",
            in_range,
            out_of_range,
        ),
    )


def _causes(decision: Decision) -> tuple[Claim, ...]:
    family, seeds = len(decision.contrasts.variants), decision.looks.seeds
    looks = f"{', '.join(map(str, seeds[:-1]))} or {seeds[-1]}"
    level = (
        f"p < {decision.contrasts.alpha:g}, sequential over looks at {looks} seeds and after Holm "
        f"over {family} contrasts"
    )
    base = decision.contrasts.against
    return (
        Claim(
            "augmentation",
            "augmentation improves accuracy",
            "data augmentation techniques are introduced to enhance the model's robustness and "
            "generalization capabilities",
            "abstract; 3.2, 5",
            f"`{base}` is better than `no_augmentation`, {level}",
            f"`{base}` is worse, by the same test",
        ),
        Claim(
            "decay",
            "learning-rate decay improves accuracy",
            "strategic optimization of the learning rate decay, resulting in substantial "
            "improvements in model performance",
            "abstract; 5",
            f"`{base}` is better than `no_lr_decay`, {level}",
            f"`{base}` is worse, by the same test",
        ),
    )


def _curves(decision: Decision) -> tuple[Claim, ...]:
    rules, interval = decision.ranges, _intervals(decision)
    return (
        Claim(
            "curves",
            "accuracies rise and losses fall continuously",
            "a continuous increase in both training and validation accuracy over time, "
            "accompanied by a continuous decrease in training and validation loss",
            "4.2, figure 3",
            f"of each of the four curves at most {_percent(rules.wrong_way_confirms)} of the "
            f"steps from epoch to epoch go the wrong way, by the upper end of the {interval}, "
            "Bonferroni over the curves",
            f"of one of them at least {_percent(rules.wrong_way_refutes)} do, by the lower end",
        ),
        Claim(
            "overfitting",
            "overfitting is mitigated",
            "the selected hyperparameters, not only yielded strong training accuracy but also "
            "mitigated overfitting concerns",
            "4.2, figure 4",
            "accuracy of the last epoch's network on the training images, without augmentation "
            "and dropout, exceeds its test accuracy by at most "
            f"{_points(rules.gap_confirms)}, by the upper end of the {interval}",
            f"it exceeds it by at least {_points(rules.gap_refutes)}, by the lower end",
        ),
    )
