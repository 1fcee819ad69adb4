"""What an independent program found, beside the runs of this package. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analysis.compatibility import sentences
from harness.analysis.compatibility.independent import FILE, IndependentRun
from harness.analysis.compatibility.prediction import (
    LEVEL,
    MIN_REFERENCE,
    Compatibility,
    Outcome,
)
from harness.formatting import enumerate_words, percent, pluralize

PROGRAM = "tests/helpers/plain_training.py"


def sentence(runs: Sequence[IndependentRun]) -> str:
    """Return the accuracies and how they compare with the runs of the same setting.

    Args:
        runs: at least one.
    """
    accuracies = enumerate_words([f"{percent(run.values['accuracy'])} %" for run in runs])
    compared = (
        f"Not compared yet: at least {MIN_REFERENCE} runs of the suite with the same setting are "
        "needed"
    )
    if found := [run.comparison for run in runs if _is_compared(run)]:
        compared = _compared(found, len(runs) - len(found))
    return (
        f"{pluralize(len(runs), 'run')} of a plain PyTorch program with a network, data pipeline "
        f"and training loop of its own: {accuracies} on the test images. {compared}."
    )


def _compared(comparisons: Sequence[Compatibility], others: int) -> str:
    """Return how runs compare with ours, of which there are `others` that have too few."""
    compatible = sum(c.outcome is Outcome.COMPATIBLE for c in comparisons)
    fewest = min(c.n_reference for c in comparisons)
    text = (
        f"Compatible with our {fewest} runs of the same setting: {compatible} of {len(comparisons)}"
    )
    if compatible < len(comparisons):
        text += f" (of sound runs, up to {percent(1 - LEVEL, 0)} % are not)"
    if others:
        text += f"; {others} not compared: too few runs of ours"
    shifts = [c.smallest_shift for c in comparisons if "accuracy" in c.compared]
    if shifts:
        text += f"; {sentences.power(max(shifts))}"
    return text


def notes(runs: Sequence[IndependentRun]) -> Iterator[str]:
    """Yield what the figures are, and how they are compared if they are."""
    yield (
        f"The program is {PROGRAM}: torchvision's transforms, a DataLoader, torch.optim.SGD. It "
        "draws other random numbers, so that a run of it is one further run, whatever its seed. "
        f"It wrote its figures to {FILE}; unlike those of records, `check` cannot recompute them."
    )
    if any(map(_is_compared, runs)):
        yield (
            "Compared by the rule of `check --against`: accuracy, loss, accuracy on the training "
            "images and the recall of each class, each with the prediction interval for one "
            "further run. Compatible does not mean equal: a shift too small to be found may be "
            "there."
        )


def _is_compared(run: IndependentRun) -> bool:
    return run.comparison.outcome in (Outcome.COMPATIBLE, Outcome.NOT_COMPATIBLE)
