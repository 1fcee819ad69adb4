"""Train AlexNet on CIFAR-10 in plain PyTorch: the project's recipe, written a second time.

Nothing of `harness` or `variants` is imported, so that a defect there shows as a difference:
torchvision's transforms, a DataLoader, torch.optim.SGD, and torch's own layers, dropout and initial
weights. Evaluates on training images that are held out; the test images are not used.

Run `python tests/helpers/plain_training.py --data-dir DIR` to train for two epochs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import CIFAR10

Batches = Iterable[tuple[Tensor, Tensor]]


def network(
    *,
    batch_norm: bool = False,
    lrn: bool = False,
    overlapping_pool: bool = False,
    groups: int = 1,
    stem: str = "3x3",
    dropout: float = 0.5,
    hidden: int = 4096,
) -> nn.Sequential:
    """AlexNet for [N, 3, 32, 32] images and ten classes.

    Args:
        batch_norm: batch normalization between each convolution and its ReLU.
        lrn: local response normalization after the first two ReLUs; torch divides alpha by the
            number of channels, the paper of 2012 does not.
        overlapping_pool: 3x3 pooling with stride 2.
        groups: of convolutions 2, 4 and 5.
        stem: first convolution, "3x3" (stride 2) or "11x11" (stride 4).
        dropout: rate on the outputs of the first two fully connected layers.
        hidden: width of those layers.
    """

    def block(convolution: nn.Conv2d, *, lrn: bool = False, pool: bool = False) -> list[nn.Module]:
        normalized = [nn.BatchNorm2d(convolution.out_channels)] if batch_norm else []
        response = [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)] if lrn else []
        window = nn.MaxPool2d(3, 2, padding=1) if overlapping_pool else nn.MaxPool2d(2)
        return [convolution, *normalized, nn.ReLU(), *response, *([window] if pool else [])]

    small = stem == "3x3"
    first = nn.Conv2d(3, 64, 3, 2, padding=1) if small else nn.Conv2d(3, 64, 11, 4, padding=5)
    return nn.Sequential(
        *block(first, lrn=lrn, pool=True),
        *block(nn.Conv2d(64, 192, 3, padding=1, groups=groups), lrn=lrn, pool=True),
        *block(nn.Conv2d(192, 384, 3, padding=1)),
        *block(nn.Conv2d(384, 256, 3, padding=1, groups=groups)),
        *block(nn.Conv2d(256, 256, 3, padding=1, groups=groups), pool=True),
        nn.Flatten(),
        nn.Linear(1024 if small else 256, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, 10),
    )


def schedule(optimizer: torch.optim.Optimizer, epochs: int) -> torch.optim.lr_scheduler.MultiStepLR:
    """Divide the learning rate by 10 after 60 % and after 85 % of the epochs."""
    milestones = [round(0.6 * epochs), round(0.85 * epochs)]
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)


def train_epoch(
    model: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer, *, bf16: bool
) -> Iterator[tuple[float, int]]:
    """Train on each batch and yield its loss (mean cross-entropy, nats) and size."""
    model.train()
    for images, labels in batches:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(images)
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
        optimizer.step()
        yield loss.item(), len(labels)


@torch.no_grad()
def accuracy(model: nn.Module, batches: Batches, *, bf16: bool) -> float:
    """Share of images that are classified correctly, without dropout."""
    model.eval()
    right = total = 0
    for images, labels in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            right += int((model(images).argmax(1) == labels).sum())
        total += len(labels)
    return right / total


def loaders(root: str, images: int, held_out: int, batch_size: int) -> tuple[Batches, Batches]:
    """Batches of augmented training images and of held-out ones, both from the training set.

    Args:
        root: folder that holds cifar-10-batches-py.
        images, held_out: how many of each, always the same ones.
        batch_size: images per step; the last step takes what is left.
    """
    rows = np.random.default_rng(0).permutation(50_000)[: images + held_out]
    pixels = CIFAR10(root).data[rows[:images]].reshape(-1, 3) / 255
    plain = [transforms.ToTensor(), transforms.Normalize(pixels.mean(0), pixels.std(0))]
    augmented = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), *plain]
    train = CIFAR10(root, transform=transforms.Compose(augmented))
    test = CIFAR10(root, transform=transforms.Compose(plain))
    return (
        DataLoader(Subset(train, rows[:images].tolist()), batch_size, shuffle=True),
        DataLoader(Subset(test, rows[images:].tolist()), 500),
    )


def train(
    root: str,
    *,
    epochs: int = 2,
    seed: int = 0,
    images: int = 10_000,
    held_out: int = 2_000,
    batch_size: int = 128,
    bf16: bool = True,
) -> Iterator[dict[str, Any]]:
    """Train the paper's network and yield a row for each epoch.

    Args:
        root, images, held_out, batch_size: see `loaders`.
        epochs: passes over the training images.
        seed: of torch's global generator: weights, order, augmentation and dropout.
        bf16: autocast to bf16; slow on a CPU that has no instructions for it.
    """
    torch.manual_seed(seed)
    train_batches, held_out_batches = loaders(root, images, held_out, batch_size)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    steps = schedule(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        lr = steps.get_last_lr()[0]
        losses = np.array(list(train_epoch(model, train_batches, optimizer, bf16=bf16)))
        steps.step()
        yield {
            "seed": seed,
            "epoch": epoch,
            "lr": lr,
            "first_loss": losses[0, 0],
            "train_loss": np.average(losses[:, 0], weights=losses[:, 1]),
            "accuracy": accuracy(model, held_out_batches, bf16=bf16),
        }


def main() -> None:
    """Print a line of JSON for each epoch."""
    parser = argparse.ArgumentParser(description="Train AlexNet on CIFAR-10 in plain PyTorch.")
    parser.add_argument("--data-dir", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--held-out", type=int, default=2_000, help="images to evaluate on")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    options = parser.parse_args()
    rows = train(
        options.data_dir,
        epochs=options.epochs,
        seed=options.seed,
        images=options.images,
        held_out=options.held_out,
        batch_size=options.batch_size,
        bf16=options.precision == "bf16",
    )
    for row in rows:
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
