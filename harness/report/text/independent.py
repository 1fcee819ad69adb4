"""What an independent program found, beside the runs of this package. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.compatibility import sentences
from harness.analysis.compatibility.independent import IndependentRun
from harness.formatting import enumerate_words, percent, pluralize

PROGRAM = "tests/helpers/plain_training.py"


def sentence(runs: Sequence[IndependentRun]) -> str:
    """Return the accuracies and how they compare with the runs of the same setting.

    Args:
        runs: at least one.
    """
    accuracies = enumerate_words([f"{percent(run.values['accuracy'])} %" for run in runs])
    return (
        f"{pluralize(len(runs), 'run')} of a plain PyTorch program with a network, data pipeline "
        f"and training loop of its own: {accuracies} on the test images. "
        f"{sentences.summary(run.comparison for run in runs)}."
    )


NOTES = (
    f"The program is {PROGRAM}: torchvision's transforms, a DataLoader, torch.optim.SGD. It draws "
    "other random numbers, so that a run of it is one further run, whatever its seed.",
    "Compared by the rule of `check --against`: accuracy, loss, accuracy on the training images "
    "and the recall of each class, each with the prediction interval for one further run. "
    "Compatible does not mean equal: the table says which shift would have been found.",
)
