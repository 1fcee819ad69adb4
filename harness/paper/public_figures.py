"""Public figures of AlexNets on CIFAR-10 by others, which show how far readings of one text differ.

Taken from the pages and logs of public repositories on GitHub; nothing here was run again.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

NOT_STATED = "not stated"


@dataclass(frozen=True)
class PublicFigure:
    """Test accuracy that a public repository reports.

    Attributes:
        name: of the repository, owner/name.
        network: framework, stem or number of parameters, and size of the input.
        optimizer: with its learning rate, momentum and weight decay, as far as stated.
        batch_size: images per step; None if not stated.
        epochs: the number trained, or the most; None if not stated.
        augmentation: "none", or its parts.
        accuracies: as reported, or the lowest and the highest of several; fractions.
        note: what else a reader must know; may be empty.
    """

    name: str
    network: str
    optimizer: str
    batch_size: int | None
    epochs: int | None
    augmentation: str
    accuracies: tuple[float, ...]
    note: str = ""

    @property
    def text(self) -> str:
        """The accuracies in percent, such as "74.74" or "74.07 to 75.94"."""
        return " to ".join(f"{100 * accuracy:.4g}" for accuracy in self.accuracies)

    @property
    def augments(self) -> bool:
        """Whether training images were augmented."""
        return self.augmentation != "none"


PUBLIC_FIGURES = (
    PublicFigure(
        name="icpm/pytorch-cifar10",
        network="23.27 M parameters, input 32x32",
        optimizer="Adam 0.001, halved at 75 and 150 epochs",
        batch_size=100,
        epochs=200,
        augmentation="flip",
        accuracies=(0.7474,),
        note="best epoch on the test images",
    ),
    PublicFigure(
        name="xuy50/ecgr5106-hw2",
        network="23.27 M parameters, input 32x32",
        optimizer="Adam 0.001",
        batch_size=128,
        epochs=30,
        augmentation="crop, flip",
        accuracies=(0.7660,),
        note="without dropout",
    ),
    PublicFigure(
        name="xuy50/ecgr5106-hw2",
        network="23.27 M parameters, input 32x32",
        optimizer="Adam 0.001",
        batch_size=128,
        epochs=30,
        augmentation="crop, flip",
        accuracies=(0.6716,),
        note="with dropout",
    ),
    PublicFigure(
        name="bearpaw/pytorch-classification",
        network="11x11 stride-4 stem, 2.47 M parameters, input 32x32",
        optimizer="SGD, momentum 0.9, weight decay 0.0005",
        batch_size=128,
        epochs=164,
        augmentation="crop, flip",
        accuracies=(0.7722,),
    ),
    PublicFigure(
        name="RichmondAlake/tensorflow_2_tutorials",
        network="Keras, batch normalization, input 227x227",
        optimizer="SGD 0.001, momentum 0",
        batch_size=32,
        epochs=50,
        augmentation="none",
        accuracies=(0.7439,),
    ),
    PublicFigure(
        name="PurpleRadish42/NNDL",
        network="Keras, 37.3 M parameters, input 32x32",
        optimizer="Adam, lowered at plateaus",
        batch_size=128,
        epochs=50,
        augmentation="none",
        accuracies=(0.7533,),
        note="at most 50 epochs",
    ),
    PublicFigure(
        name="toxtli/alexnet-cifar-10-keras-jupyter",
        network="Keras, 3x3 stride-2 stem, batch normalization, input 32x32",
        optimizer="Adam",
        batch_size=128,
        epochs=None,
        augmentation="none",
        accuracies=(0.7407, 0.7594),
        note="four figures",
    ),
    PublicFigure(
        name="amyas-lab/AlexNet-CIFAR10-Tensorflow",
        network="Keras, 6.7 M parameters, input 32x32",
        optimizer="SGD 0.01, momentum 0.9, lowered at plateaus",
        batch_size=128,
        epochs=50,
        augmentation="none",
        accuracies=(0.8094,),
    ),
    PublicFigure(
        name="TheLongIslander/Alexnet-cifar10-Adaptation",
        network="5x5 stride-1 stem, input 32x32",
        optimizer="SGD 0.01, momentum 0.9, weight decay 0.0001",
        batch_size=None,
        epochs=None,
        augmentation="crop, flip, more",
        accuracies=(0.849, 0.873),
        note="stopped early by the test images",
    ),
)

# A letter for each, where there is no room for its name.
BY_LETTER = dict(zip(string.ascii_uppercase, PUBLIC_FIGURES, strict=False))
