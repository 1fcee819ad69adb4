"""Precision and memory of devices; torch's counter of memory errors is simulated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import InputError, RunFailedError
from harness.progress import Reporter, Row
from harness.runs.record import RunRecord
from harness.training import device as training_device
from tests.helpers.paths import ROOT

Train = Callable[..., RunRecord]


class FillMemory(Reporter):
    """Simulates memory that runs out when an epoch ends, in a library that catches the error."""

    def __init__(self, epoch: int, count: list[int]) -> None:
        self._epoch, self._count = epoch, count

    def epoch(self, row: Row) -> None:
        if row["epoch"] == self._epoch:
            self._count.append(1)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list with one entry per simulated out-of-memory error."""
    errors: list[int] = []
    monkeypatch.setattr(training_device, "oom_count", lambda device: len(errors))
    return errors


def test_a_run_whose_memory_ran_out_unseen_is_no_result(
    train: Train, count: list[int], tmp_path: Path
) -> None:
    alone = train(epochs=3, results="alone")
    failed = train(epochs=3, reporter=FillMemory(1, count))
    assert failed.failed
    assert str(failed.reason).startswith("out of memory: the GPU's memory ran out within a library")

    # This process may train no other run; a new one resumes from the last valid epoch.
    with pytest.raises(RunFailedError, match="start the same command again"):
        train("baseline", epochs=3)
    assert not [*tmp_path.rglob("baseline/**/record.json")]
    count.clear()
    (left,) = tmp_path.glob("results/**/paper/seed-0/record.json")
    left.unlink()
    again = train(epochs=3)
    assert (again.resumed_at, again.weights_sha256) == ([1], alone.weights_sha256)


def test_memory_that_runs_out_in_evaluation_counts_too(train: Train, count: list[int]) -> None:
    failed = train(epochs=2, evaluate_every_epoch=False, reporter=FillMemory(2, count))
    assert failed.failed


def test_a_cpu_has_every_precision_and_counts_no_shortage() -> None:
    device = torch.device("cpu")
    training_device.require_precision(device, "bf16")
    assert training_device.oom_count(device) == 0


class Stop(Reporter):
    """Ends a run at the first line that it prints."""

    def say(self, line: str) -> None:
        raise InterruptedError(line)


@pytest.mark.parametrize("supported", [True, False])
def test_a_run_says_that_its_cpu_emulates_the_precision(
    supported: bool, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = torch.device("cpu")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    assert training_device.lacks_instructions(device, "bf16") != supported
    assert not training_device.lacks_instructions(device, "fp32")
    if not supported:
        with pytest.raises(InterruptedError, match="no bf16 instructions"):
            train(precision="bf16", reporter=Stop())


TOO_LARGE = """
import torch
from harness.training import device as memory

device = torch.device("cuda")
assert memory.oom_count(device) == 0
try:
    torch.empty(2**50, dtype=torch.uint8, device=device)
except torch.OutOfMemoryError:
    assert memory.oom_count(device) == 1
else:
    raise AssertionError("so much fits")
"""


@pytest.mark.gpu
def test_a_gpu_counts_what_did_not_fit() -> None:
    # In a separate process, since no other test could train in this one afterwards.
    done = subprocess.run([sys.executable, "-c", TOO_LARGE], check=False, cwd=ROOT)
    assert done.returncode == 0


@pytest.mark.gpu
@pytest.mark.parametrize("able", [True, False])
def test_a_gpu_without_units_for_bf16_is_refused_before_training(
    able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def supported(including_emulation: bool = True) -> Any:
        return including_emulation or able

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    device = torch.device("cuda", torch.cuda.current_device())
    training_device.require_precision(device, "fp32")
    if able:
        training_device.require_precision(device, "bf16")
        return
    with pytest.raises(InputError, match="--precision fp32"):
        training_device.require_precision(device, "bf16")
