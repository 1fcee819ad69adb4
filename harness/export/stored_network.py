"""Load the trained network of a finished run, after checking it against the run's record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from harness.errors import InputError
from harness.export.finished_run import FinishedRun
from harness.runs import store
from harness.runs.record import RunRecord, variant_of
from harness.training.augmentation import Normalize
from harness.training.runner import weights_sha256
from variants.network import AlexNet, build


def load_network(path: Path, record: RunRecord) -> AlexNet:
    """Load the trained network of a run, on the CPU and in evaluation mode.

    Args:
        path: the file of its weights.
        record: its record.

    Raises:
        InputError: if the weights are missing, damaged, of other layers, or not those of the
            record.
    """
    if not path.is_file():
        raise InputError(
            f"no {path.name} in {path.parent}: weights are not committed. Train it again in a "
            "folder of its own, run --results FOLDER, which writes them."
        )
    try:
        weights = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}): train the run again.") from error
    network = build(variant_of(record), len(record.dataset.classes), torch.Generator())
    if difference := _first_difference(network.state_dict(), weights):
        raise InputError(
            f"{path} does not fit {record.variant} with {len(record.dataset.classes)} classes "
            f"({difference}): give the weights that were written with this {store.FILE}."
        )
    if weights_sha256(weights) != record.weights_sha256:
        raise InputError(f"{path} has not the weights of the record: train the run again.")
    network.load_state_dict(weights)
    return network.eval()


def _first_difference(expected: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> str | None:
    """Describe the first tensor that is missing, unknown, or of another shape or type."""
    for name in dict.fromkeys([*expected, *stored]):
        wanted, given = (
            f"{tensors[name].dtype} {list(tensors[name].shape)}" if name in tensors else "missing"
            for tensors in (expected, stored)
        )
        if wanted != given:
            return f"{name} is {given}, " + (f"not {wanted}" if name in expected else "unknown")
    return None


class Classifier(nn.Module):
    """A trained network with its normalization: from pixels to logits.

    Args:
        run: the run; its record has the mean and standard deviation that it was trained with.
        device: where the images will be.

    Raises:
        InputError: see `load_network`.
    """

    def __init__(self, run: FinishedRun, device: torch.device) -> None:
        super().__init__()
        network = load_network(run.weights, run.record)
        # As in training, because the layout in memory can change the last bit of a logit.
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        scaling = run.record.normalization
        self.normalize = Normalize(scaling.mean, scaling.std, device)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Map uint8 [N, H, W, 3] to float32 [N, classes]; under autocast the type is its own."""
        logits: Tensor = self.network(self.normalize(images.permute(0, 3, 1, 2)))
        return logits
