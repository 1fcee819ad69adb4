"""Small data and protocols, so that a test trains the real network for a few steps only."""

from __future__ import annotations

import dataclasses
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch

import variants
from harness.cli import app
from harness.data.dataset import Dataset
from harness.progress import Reporter
from harness.protocol import budget, presets
from harness.protocol.spec import Protocol
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.runs.threads import THREADS, cores
from harness.training import checkpoint, seeding
from harness.training.device import reuse_freed_heap
from harness.training.runner import train_run
from tests.helpers import commands, small_network
from tests.helpers.datasets import noise_dataset

# Processes for `-n auto`: one that has trained and read 60,000 pictures holds up to 5 GB.
MOST_PROCESSES = 4

small_network.resize()

commands.do_not_sync()

seeding.make_deterministic()

reuse_freed_heap()


# A shell has what it starts in its background ignore Ctrl-C, and so would the tests' own processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What is imported stays, so that collecting garbage has only the tests' own to look at."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter tidy up at its end as always."""
    gc.unfreeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `gpu` runs where there is one."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def _garbage_collected() -> Iterator[None]:
    """A trainer lies in cycles and holds 180 MB, few objects for Python: it would stay for long."""
    yield
    gc.collect()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process for each core, as far as memory goes."""
    return min(cores(), MOST_PROCESSES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: Sequence[object]) -> None:
    """The processes share the cores: threads that wait for each other would take many times as
    long."""
    os.environ.setdefault(THREADS, str(max(1, cores() // len(specs))))


@pytest.fixture
def full_network() -> Iterator[None]:
    """Build networks of the published sizes; other tests have narrow ones, for speed."""
    with small_network.published():
        yield


@pytest.fixture(scope="module")
def full_network_in_module() -> Iterator[None]:
    """Build networks of the published sizes in all tests of a module and its fixtures."""
    with small_network.published():
        yield


@pytest.fixture(scope="session")
def data() -> Dataset:
    """The small data."""
    return noise_dataset()


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    """Two epochs of three steps, the last of them smaller."""
    return dataclasses.replace(
        presets.PROTOCOLS["cifar10"],
        dataset="digits",
        epochs=2,
        batch_size=16,
        precision="fp32",
    )


@pytest.fixture
def adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol's budget is a tuned one, whatever stands in this checkout's file."""
    tuned = budget.Budget(
        epochs=presets.EPOCHS,
        calibration_sha256="ab" * 32,
        calibrated_on="CIFAR-10 (official)",
        former=[],
    )
    monkeypatch.setattr(budget, "load", lambda: tuned)


@pytest.fixture
def train(
    data: Dataset, protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunRecord]:
    """Train a variant on the small data and return its record."""
    # These epochs are far shorter than real ones: a checkpoint after each all the same.
    monkeypatch.setattr(checkpoint, "MIN_INTERVAL_SECONDS", 0.0)

    def run(
        name: str = "paper", seed: int = 0, reporter: Reporter | None = None, **changed: object
    ) -> RunRecord:
        folder = tmp_path / str(changed.pop("results", "results"))
        applied = dataclasses.replace(protocol, **changed)
        spec = RunSpec(variants.get(name), seed, applied, {}, folder)
        return train_run(spec, data, reporter or Reporter())

    return run


@pytest.fixture
def harness(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a process of its own in an empty folder, with results in `results`."""
    return partial(commands.run, tmp_path)


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """The one line with which a command refuses, exit 2; in this process, for time's sake."""

    def command(*arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        for name in ("ALEXNET_DATA", "ALEXNET_ARCHIVE"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(SystemExit) as end:
            app.main()
        shown = capsys.readouterr()
        assert end.value.code == 2
        assert (shown.err.count("\n"), shown.out) == (1, "")
        return shown.err

    return command
