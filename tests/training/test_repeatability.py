"""The same bits in fresh processes, for every variant and precision."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import variants
from harness.protocol.spec import PRECISIONS
from tests.helpers.paths import ROOT


def hashes(device: str) -> dict[str, str]:
    """What `tests.helpers.repeatability` prints in a separate process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.repeatability", device],
        cwd=ROOT,
        # Python's own hashes differ between the processes, as they do between people's.
        env={k: v for k, v in os.environ.items() if k != "PYTHONHASHSEED"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    hashes: dict[str, str] = json.loads(done.stdout)
    return hashes


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_fresh_processes_give_the_same_bits(device: str) -> None:
    first = hashes(device)
    assert first == hashes(device)
    assert len(first) == len(variants.names()) * len(PRECISIONS)
    # lr_decay changes nothing in a first epoch; all else gives bits of its own.
    assert len(set(first.values())) == len(first) - 2 * len(PRECISIONS)
