"""Commands that train for one epoch on a folder of a few pictures, and the records of such runs."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

# In a folder whose data/ holds a few pictures; the protocol is that of the real images.
SMALL = ("run", "--device", "cpu", "--dataset", "folder", "--precision", "fp32", "--epochs", "1")

FOLDER = "results/folder/1-epochs-fp32"


def records(folder: Path) -> dict[str, dict[str, object]]:
    paths = sorted(folder.rglob("record.json"))
    return {str(p.parent.relative_to(folder)): json.loads(p.read_text()) for p in paths}


def make_images(
    folder: Path, classes: tuple[str, ...] = ("cat", "dog"), train: int = 2, test: int = 2
) -> None:
    for part, count in (("train", train), ("test", test)):
        for shade, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (32, 32), (80 * shade, 5 * number, 7))
                image.save(folder / part / name / f"{number:02d}.png")
