"""Read scikit-learn's handwritten digits, to try everything offline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from harness.data.source import SIDE, RawDataset


def read(directory: Path, archive: str | None = None) -> RawDataset:
    """Read scikit-learn's 1,797 handwritten 8x8 digits as 32x32 RGB images, 80 % for training.

    The split is stratified and fixed. No file and no network is needed.

    Args:
        directory, archive: unused.
    """
    bunch = load_digits()
    grey = torch.from_numpy(bunch.images[:, None] * (255 / 16)).float()
    large = torch.nn.functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear")
    images = large.round().byte().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
    split_rows = train_test_split(
        np.arange(len(images)), test_size=0.2, stratify=bunch.target, random_state=0
    )
    train, test = ((images[np.sort(rows)], bunch.target[np.sort(rows)]) for rows in split_rows)
    classes = tuple(str(name) for name in bunch.target_names)
    return RawDataset("digits (scikit-learn, 8x8 enlarged)", classes, train, test)
