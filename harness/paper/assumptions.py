"""Details that the paper leaves open, with the assumption made for each and its reason.

Values of the protocol and the decision file are read from there, so that they cannot drift from
what is trained; sizes of layers and of the validation split are literals. [1] is the paper's first
reference: Krizhevsky, Sutskever, Hinton 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import variants
from harness.protocol import budget
from harness.protocol.decision import Decision
from harness.protocol.spec import Protocol


@dataclass(frozen=True)
class Assumption:
    """One detail that the paper does not state.

    Attributes:
        what: the detail.
        assumption: the choice made for it.
        why: the reason, or the source.
    """

    what: str
    assumption: str
    why: str


def assumptions(protocol: Protocol, decision: Decision) -> tuple[Assumption, ...]:
    """All assumptions of the CIFAR-10 protocol.

    Args:
        protocol: supplies the hyper-parameters.
        decision: supplies the seeds and looks.
    """
    return (*_network(), *_training(protocol), *_evaluation(decision))


def _network() -> tuple[Assumption, ...]:
    dropout = variants.get("paper").dropout
    return (
        Assumption(
            "framework and its defaults",
            "PyTorch",
            "TensorFlow is named once, in passing; no version, no code",
        ),
        Assumption(
            "layer sizes",
            "3x3 stride-2 stem, 64-192-384-256-256 channels, three 2x2 poolings, "
            "1024-4096-4096-10; 23,272,266 parameters",
            "the CIFAR form of AlexNet in common use; chosen knowing that two public "
            "implementations of it report 74.74 % (best test epoch) and 74.79 % (clean split)",
        ),
        Assumption("input size", "32x32", "the images' own; [1] has 224x224 from larger images"),
        Assumption(
            '"regularization layers"',
            f"dropout {dropout:g}; no local response normalization",
            "[1] section 4.2; departs from [1], which also normalizes responses (section 3.3): the "
            "CIFAR form leaves that out",
        ),
        Assumption(
            "position of dropout",
            "outputs of the first two fully connected layers",
            "[1] section 4.2; the best-known public code of the CIFAR form drops the inputs of "
            "these two layers instead, as torchvision's AlexNet does",
        ),
        Assumption(
            "pooling",
            "2x2, stride 2, not overlapping",
            "departs from [1] (3x3, stride 2), as the CIFAR form does",
        ),
        Assumption(
            "initialization",
            "PyTorch's default (uniform within 1/sqrt(fan-in))",
            "departs from [1] (normal, 0.01, some biases 1), which was tuned to another network",
        ),
    )


def _budget_origin() -> str:
    """How the number of epochs was chosen."""
    tuned = budget.load()
    if tuned.provisional:
        return "provisional until `calibrate` sets it"
    return f"set by `calibrate` on {tuned.calibrated_on}"


def _training(protocol: Protocol) -> tuple[Assumption, ...]:
    decays = " and ".join(f"{100 * at:g} %" for at in protocol.decay_at)
    crop = protocol.augmentation[variants.get("paper").augmentation]
    return (
        Assumption("learning rate", f"{protocol.learning_rate:g}", "[1] section 5"),
        Assumption("momentum", f"{protocol.momentum:g}", "[1] section 5"),
        Assumption(
            "learning rate in the momentum buffer",
            "outside, as in PyTorch's SGD: velocity = momentum * velocity + gradient; "
            "step = lr * velocity",
            "departs from [1] and Keras (velocity = momentum * velocity - lr * gradient): the two "
            "differ for the steps after the learning rate falls; the `keras_sgd` reading has no "
            "momentum and is unaffected",
        ),
        Assumption(
            "weight decay",
            f"{protocol.weight_decay:g} on all parameters, biases too",
            "[1] section 5; applied as torch's SGD does",
        ),
        Assumption("batch size", f"{protocol.batch_size}", "[1] section 5"),
        Assumption(
            "decay schedule",
            f"times {protocol.decay_factor:g} at {decays} of the budget",
            "departs from [1], which divided by 10 by hand when validation error stalled: a "
            "fixed rule can be repeated",
        ),
        Assumption(
            "epochs",
            f"{protocol.epochs}, {_budget_origin()}",
            "the one tuned knob: the smallest budget that reaches 75 % on the validation split; "
            "runs of [1]'s 90 epochs have a verdict of their own",
        ),
        Assumption(
            "augmentation and its strengths",
            f"random crop with padding {crop.padding}, mirror with probability 1/2",
            "the methods name random crop and flip; the conclusion's longer list (rotation, "
            "translation, clipping, scaling, flipping) is another reading",
        ),
        Assumption(
            "normalization",
            "mean and deviation of each channel over the training images",
            "departs from [1], which subtracts the mean image only: customary at 32x32",
        ),
        Assumption(
            "precision",
            f"{protocol.precision} autocast; weights, optimizer and loss in fp32"
            if protocol.precision == "bf16"
            else protocol.precision,
            "faster on a GPU; `--precision fp32` shows whether it matters",
        ),
    )


def _evaluation(decision: Decision) -> tuple[Assumption, ...]:
    seeds = decision.planned_seeds
    looks = f"{', '.join(map(str, decision.looks.seeds[:-1]))} and {decision.looks.seeds[-1]}"
    return (
        Assumption(
            "evaluation images",
            "all 10,000 test images",
            '"sampling 1000 instances from each image category" (4.2) fits them, and the '
            'conclusion says "CIFAR-10 test set"',
        ),
        Assumption(
            "what the two matrices are",
            "two trainings",
            '"both runs"; if they are two tests of one network, they say little about how '
            "trainings vary",
        ),
        Assumption(
            "validation split",
            "45,000/5,000 of the training images, stratified, fixed; used to choose the budget, "
            "after which all 50,000 train",
            "its curves show a validation set that is never described",
        ),
        Assumption(
            "seeds and number of runs",
            f"{seeds[0]} to {seeds[-1]} for every variant, judged at {looks} seeds; what is "
            "settled may stop",
            '"multiple rounds" of which two are shown; ours were fixed before any was run on the '
            "official images",
        ),
        Assumption(
            "checkpoint",
            "the last epoch's",
            'weights were "regularly saved"; taking the best on the test images would flatter',
        ),
    )
