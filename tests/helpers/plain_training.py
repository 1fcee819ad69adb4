"""Train AlexNet on CIFAR-10 in plain PyTorch: the project's recipe, written a second time.

Nothing of `harness` or `variants` is imported, so that a defect there shows as a difference:
torchvision's transforms, a DataLoader, torch.optim.SGD, and torch's own layers, dropout and initial
weights.

    python tests/helpers/plain_training.py --data-dir DIR --epochs 2

trains and evaluates on training images that are held out. With `--test FILE` it trains on all
training images, evaluates the last epoch's network on the test images, once, and adds a row to the
CSV file; `results/independent_runs.csv` is made so.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
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
def predict(model: nn.Module, batches: Batches, *, bf16: bool) -> tuple[Tensor, Tensor]:
    """Logits [N, classes] in fp32, without dropout, and labels [N]."""
    model.eval()
    logits, labels = [], []
    for images, batch_labels in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits.append(model(images).float())
        labels.append(batch_labels)
    return torch.cat(logits), torch.cat(labels)


def accuracy(model: nn.Module, batches: Batches, *, bf16: bool) -> float:
    """Share of images that are classified correctly, without dropout."""
    logits, labels = predict(model, batches, bf16=bf16)
    return (logits.argmax(1) == labels).double().mean().item()


def figures(
    model: nn.Module, train: Batches, test: Batches, classes: list[str], *, bf16: bool
) -> dict[str, float]:
    """Accuracy, loss (nats) and recall on the test images, and accuracy on the training images."""
    logits, labels = predict(model, test, bf16=bf16)
    right = logits.argmax(1) == labels
    return {
        "accuracy": right.double().mean().item(),
        "loss": F.cross_entropy(logits.double(), labels).item(),
        "train_accuracy": accuracy(model, train, bf16=bf16),
        **{
            f"recall.{name}": right[labels == label].double().mean().item()
            for label, name in enumerate(classes)
        },
    }


class Images:
    """Batches of training images and of the images to evaluate on.

    Args:
        root: folder that holds cifar-10-batches-py.
        images: how many training images to train on, always the same ones.
        held_out: how many other training images to evaluate on, always the same ones; None for the
            test images.
        batch_size: images per step; the last step takes what is left.

    Attributes:
        train: augmented, in an order drawn anew for each epoch.
        train_as_they_are: the same images without augmentation.
        evaluation: test or held-out images.
        classes: their names.
    """

    def __init__(self, root: str, images: int, held_out: int | None, batch_size: int = 128) -> None:
        rows = np.random.default_rng(0).permutation(50_000)[: images + (held_out or 0)]
        pixels = CIFAR10(root).data[rows[:images]].reshape(-1, 3) / 255
        plain = [transforms.ToTensor(), transforms.Normalize(pixels.mean(0), pixels.std(0))]
        moved = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
        augmented = CIFAR10(root, transform=transforms.Compose([*moved, *plain]))
        unchanged = CIFAR10(root, transform=transforms.Compose(plain))
        test = CIFAR10(root, train=False, transform=transforms.Compose(plain))
        trained, others = rows[:images].tolist(), rows[images:].tolist()
        evaluated = test if held_out is None else Subset(unchanged, others)
        self.train: Batches = DataLoader(Subset(augmented, trained), batch_size, shuffle=True)
        self.train_as_they_are: Batches = DataLoader(Subset(unchanged, trained), 500)
        self.evaluation: Batches = DataLoader(evaluated, 500)
        self.classes: list[str] = unchanged.classes


def train(
    data: Images, *, epochs: int = 2, seed: int = 0, bf16: bool = True
) -> Iterator[tuple[nn.Module, dict[str, Any]]]:
    """Train the paper's network and yield it with a row of figures after each epoch.

    Args:
        data: the images; nothing is evaluated here.
        epochs: passes over the training images.
        seed: of torch's global generator: weights, order, augmentation and dropout.
        bf16: autocast to bf16; slow on a CPU that has no instructions for it.
    """
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    steps = schedule(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        lr = steps.get_last_lr()[0]
        losses = np.array(list(train_epoch(model, data.train, optimizer, bf16=bf16)))
        steps.step()
        train_loss = np.average(losses[:, 0], weights=losses[:, 1])
        yield model, {"seed": seed, "epoch": epoch, "lr": lr, "train_loss": train_loss}


def csv_row(epochs: int, precision: str, seed: int, found: dict[str, float]) -> dict[str, Any]:
    """A row of the CSV file: the setting of a run, and its `figures`."""
    setting = {"variant": "paper", "epochs": epochs, "precision": precision, "seed": seed}
    return {**setting, "torch": torch.__version__, **found}


def add_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file, which is made if it is not there."""
    is_new = not path.exists() or not path.stat().st_size
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def has_run(path: Path, asked: dict[str, Any]) -> bool:
    """Whether a CSV file has a row with these values; not if it does not exist."""
    if not path.exists():
        return False
    with path.open(encoding="utf-8", newline="") as stream:
        return any(
            all(row.get(name) == str(value) for name, value in asked.items())
            for row in csv.DictReader(stream)
        )


def arguments() -> argparse.Namespace:
    """The options, refused before anything is trained if they cannot be met."""
    parser = argparse.ArgumentParser(description="Train AlexNet on CIFAR-10 in plain PyTorch.")
    parser.add_argument("--data-dir", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--held-out", type=int, default=2_000, help="images to evaluate on")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument(
        "--test",
        type=Path,
        metavar="FILE",
        help="train on all training images, whatever --images and --held-out say, and add the "
        "figures on the test images to a CSV file",
    )
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error("--epochs must be at least 1")
    if not options.test and not 0 < options.held_out <= 50_000 - options.images < 50_000:
        parser.error("--images and --held-out must be positive, and 50000 together at most")
    if options.test and not options.test.parent.is_dir():
        parser.error(f"--test: there is no folder {options.test.parent}")
    asked = csv_row(options.epochs, options.precision, options.seed, {})
    if options.test and has_run(options.test, asked):
        parser.error(f"--test: {options.test} has this run already: give another --seed")
    return options


def main() -> None:
    """Print a line of JSON for each epoch, and for the figures on the test images."""
    options = arguments()
    bf16 = options.precision == "bf16"
    images, held_out = (50_000, None) if options.test else (options.images, options.held_out)
    data = Images(options.data_dir, images, held_out)
    for model, row in train(data, epochs=options.epochs, seed=options.seed, bf16=bf16):
        if not options.test:
            row["accuracy"] = accuracy(model, data.evaluation, bf16=bf16)
        print(json.dumps(row), flush=True)
    if options.test:
        found = figures(model, data.train_as_they_are, data.evaluation, data.classes, bf16=bf16)
        final = csv_row(options.epochs, options.precision, options.seed, found)
        print(json.dumps(final), flush=True)
        add_row(options.test, final)


if __name__ == "__main__":
    main()
