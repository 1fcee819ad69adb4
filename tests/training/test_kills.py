"""Two hundred kills at random moments, of runs of every variant with the published network.

`pytest -m slow -s tests/training/test_kills.py` prints what docs/trust.md says of it.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import variants
from tests.helpers.commands import Command, run
from tests.helpers.run_bits import comparable_bits
from tests.helpers.sweep_processes import leftover_files, write_images

KILLS = 204  # twelve of each variant

EPOCHS = 4


def record_in(folder: Path) -> dict[str, Any] | None:
    """The only record below a folder, if there is one."""
    paths = list(folder.rglob("record.json"))
    assert len(paths) <= 1
    return json.loads(paths[0].read_text()) if paths else None


@pytest.mark.slow
def test_kills_at_random_moments_change_no_bit_of_any_variant(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", train=40, test=20)
    source, total = random.Random(0), Counter[str]()
    for name in variants.names():
        command = (
            *("run", "--variant", name, "--dataset", "folder", "--data-dir", str(images)),
            *("--epochs", str(EPOCHS), "--precision", "fp32", "--device", "cpu", "--no-figures"),
        )
        alone = tmp_path / name / "alone"
        alone.mkdir(parents=True)
        began = time.monotonic()
        assert run(alone, *command, full_network=True).returncode == 0
        seconds = time.monotonic() - began
        expected = comparable_bits(record_in(alone) or {})
        kills, number = 0, 0
        while kills < KILLS // len(variants.names()):
            folder = tmp_path / name / str(number)
            folder.mkdir()
            while kills < KILLS // len(variants.names()) and record_in(folder) is None:
                with Command(folder, *command, full_network=True) as process:
                    time.sleep(source.uniform(0, seconds))
                    process.kill()
                    process.communicate()
                    kills += process.returncode == -signal.SIGKILL
            assert run(folder, *command, full_network=True).returncode == 0
            record = record_in(folder)
            total["lost"] += record is None
            assert record is not None
            total["runs"] += 1
            total["resumed"] += len(record["resumed_at"])
            total["different"] += comparable_bits(record) != expected
            total["left"] += len(leftover_files(folder))
            number += 1
        total["kills"] += kills
        for folder in (tmp_path / name).iterdir():  # weights are large
            for path in folder.rglob("*.safetensors"):
                path.unlink()
    print(
        f"\n{total['kills']} kills of {total['runs']} runs, which resumed from {total['resumed']} "
        f"checkpoints: {total['different']} runs with other bits than when left alone, "
        f"{total['lost']} records lost, {total['left']} files left behind"
    )
    assert (total["different"], total["lost"], total["left"]) == (0, 0, 0)
