"""Training on real pictures: fails if training is broken.

ALEXNET_TEST_IMAGES names a folder with train/<class>/ and test/<class>/ of CIFAR-10 images.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

import variants
from harness.data import dataset
from harness.protocol import presets
from harness.training.metrics import curve_point
from harness.training.trainer import Trainer

IMAGES = Path(os.environ.get("ALEXNET_TEST_IMAGES", "no-such-folder"))

TRAINED, JUDGED = 250, 50  # of each class


@pytest.mark.slow
def test_paper_reads_the_digits() -> None:
    digits = dataset.load("digits", Path())
    protocol = presets.PROTOCOLS["digits"]
    trainer = Trainer(variants.get("paper"), protocol, 0, digits)
    for _ in range(protocol.epochs):
        trainer.train_epoch()
    assert curve_point(trainer.judge(), digits.test.labels)[1] >= 0.9


@pytest.mark.skipif(not IMAGES.is_dir(), reason="ALEXNET_TEST_IMAGES names no folder of images")
def test_paper_learns_real_pictures(tmp_path: Path) -> None:
    for part, count in (("train", TRAINED), ("test", JUDGED)):
        for source in sorted((IMAGES / part).iterdir()):
            target = tmp_path / part / source.name
            target.mkdir(parents=True)
            for image in sorted(source.iterdir())[:count]:
                (target / image.name).symlink_to(image.resolve())
    images = dataset.load("folder", tmp_path)
    protocol = dataclasses.replace(presets.PROTOCOLS["folder"], epochs=8, batch_size=32)
    trainer = Trainer(variants.get("paper"), protocol, 0, images)
    losses = [trainer.train_epoch()["train_loss"] for _ in range(protocol.epochs)]
    _, accuracy = curve_point(trainer.judge(), images.test.labels)
    assert losses[-1] < 0.9 * losses[0]
    assert accuracy > 0.2  # chance is 0.10
