"""What each ablation tells about an ingredient of the paper's method, in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ingredient:
    """The ingredient that an ablation is about.

    Attributes:
        name: at the start of a sentence.
        in_paper: whether `paper` has it and the ablation lacks it; if not, the ablation adds it.
    """

    name: str
    in_paper: bool = True

    def contribution(
        self, difference: float, low: float, high: float
    ) -> tuple[float, float, float]:
        """Turn the ablation's accuracy minus that of `paper`, with its interval, into the accuracy
        with the ingredient minus that without it."""
        return (-difference, -high, -low) if self.in_paper else (difference, low, high)


INGREDIENTS = {
    "no_augmentation": Ingredient("Augmentation (random crop and flip)"),
    "no_lr_decay": Ingredient("Learning-rate decay"),
    "baseline": Ingredient("Augmentation plus learning-rate decay"),
    "batch_norm": Ingredient("Batch normalization (not in the paper)", in_paper=False),
    "dropout_0": Ingredient("Dropout 0.5 instead of none"),
    "dropout_25": Ingredient("Dropout 0.5 instead of 0.25"),
    "dropout_75": Ingredient("Dropout 0.5 instead of 0.75"),
}
