"""The usual way to train the same network, as a measured process, to compare the harness with.

Pictures are PIL images that torchvision transforms one by one in a DataLoader's workers;
the loop is eager; nothing is tuned beyond what PyTorch's tutorials advise. Network, batch
size, precision and optimizer settings are the harness's.

By hand: `echo | python -m tests.benchmarks.usual --precision bf16 --images 5120`, where every
further line of input is a further epoch.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils import data as torch_data
from torchvision import transforms

import variants
from harness.data.dataset import Dataset
from harness.protocol.presets import PROTOCOLS
from harness.protocol.spec import PRECISIONS
from harness.training.device import choose_device
from variants.network import AlexNet, Dropout
from variants.spec import Variant

from .process import serve, synthetic


class Pictures(torch_data.Dataset[tuple[Tensor, int]]):
    """Training images held as torchvision.datasets.CIFAR10 holds them."""

    def __init__(self, data: Dataset) -> None:
        self.pixels: NDArray[np.uint8] = data.train.images.numpy()
        self.labels: list[int] = data.train.labels.tolist()
        mean, deviation = (torch.tensor(part) / 255 for part in data.channel_statistics)
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(mean.tolist(), deviation.tolist()),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def loader(
    data: Dataset, batch_size: int, device: torch.device
) -> torch_data.DataLoader[tuple[Tensor, int]]:
    """Shuffled batches of augmented images from workers that outlive the epoch."""
    return torch_data.DataLoader(
        Pictures(data),
        batch_size,
        shuffle=True,
        num_workers=min(os.cpu_count() or 1, 16),
        persistent_workers=True,
        pin_memory=device.type == "cuda",
        generator=torch.Generator().manual_seed(0),
    )


def network(variant: Variant) -> AlexNet:
    """The variant's network with torch's own dropout."""
    model = AlexNet(dropout=variant.dropout, batch_norm=variant.batch_norm)
    for position, layer in enumerate(model.classifier):
        if isinstance(layer, Dropout):
            model.classifier[position] = nn.Dropout(layer.p)
    return model


def training(precision: str, data: Dataset, device: torch.device) -> Callable[[], Tensor]:
    """A round is an epoch and returns its mean loss."""
    protocol = PROTOCOLS["cifar10"]
    batches = loader(data, protocol.batch_size, device)
    model = network(variants.get("paper")).to(device)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=protocol.learning_rate,
        momentum=protocol.momentum,
        weight_decay=protocol.weight_decay,
    )

    def epoch() -> Tensor:
        totals = torch.zeros(2, device=device)  # sum of losses, number right
        model.train()
        for images, labels in batches:
            images = images.to(device, non_blocking=True)
            labels = labels.to(device, non_blocking=True)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                logits = model(images)
                loss = F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            right = (logits.detach().argmax(1) == labels).sum()
            totals += torch.stack([loss.detach() * len(labels), right])
        return totals[0] / len(data.train)

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.usual")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--images", type=int, default=5120)
    options = parser.parse_args()

    device = choose_device("auto")
    # The harness computes fp32 as fp32, so cuDNN must not fall back on TF32 here.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    serve(training(options.precision, synthetic(options.images), device), device)


if __name__ == "__main__":
    main()
