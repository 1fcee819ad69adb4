"""Whether training images can be held out, and the images that a run was evaluated on."""

from __future__ import annotations

import math
from pathlib import Path

from harness.data import dataset
from harness.data.dataset import Dataset
from harness.errors import InputError
from harness.formatting import pluralize
from harness.protocol.spec import Protocol


def require_images(data: Dataset) -> None:
    """Refuse a dataset of which no tenth can be held out with images of every class.

    Raises:
        InputError: if a class has fewer than 2 training images, or a tenth is fewer images than
            there are classes.
    """
    counts = data.train.labels.bincount(minlength=len(data.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < 2:
        found = pluralize(int(counts[rarest]), "training image")
        raise InputError(
            f"class {data.classes[rarest]!r} has {found}: to hold some out, at least 2 are needed."
        )
    tenth = math.ceil(len(data.train) / 10)
    if tenth < len(data.classes):
        raise InputError(
            f"a tenth of the training images, {tenth}, is held out, fewer than the "
            f"{len(data.classes)} classes: add images."
        )


def load_as_split(
    name: str, fingerprint: str, protocol: Protocol, data_dir: Path | None, archive: str | None
) -> Dataset:
    """Load the dataset of a run, split as its protocol does.

    Args:
        name: of the dataset.
        fingerprint: of the dataset.
        protocol: of the run.
        data_dir: folder of the dataset; None for the default.
        archive: URL or file of the official archive.

    Returns:
        The images that the run was trained on, and as `test` those that it was evaluated on.

    Raises:
        InputError: if the dataset is missing or another one.
    """
    data = dataset.load(name, data_dir, archive)
    if data.fingerprint != fingerprint:
        raise InputError(
            f"these are not the images of the run (fingerprint {data.fingerprint[:12]}, "
            f"not {fingerprint[:12]}): give its dataset with --data-dir."
        )
    return data.split_by(protocol)
