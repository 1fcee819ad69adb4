"""Write image folders of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.cifar_archives import Part


def write_image_folder(root: Path, suffix: str = ".png") -> dict[str, Part]:
    """Write three classes of noise, 4 training and 2 test images each.

    Returns:
        The arrays that reading "train" and "test" should give.
    """
    rng = np.random.default_rng(0)
    wanted = {}
    for part, n in (("train", 4), ("test", 2)):
        images, labels = [], []
        for label, name in enumerate(("ant", "bee", "cow")):
            (root / part / name).mkdir(parents=True)
            for i in range(n):
                file = root / part / name / f"{i:04d}{suffix}"
                Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(file)
                with Image.open(file) as image:
                    images.append(np.asarray(image))
                labels.append(label)
        wanted[part] = (np.stack(images), np.array(labels))
    return wanted
