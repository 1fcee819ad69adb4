"""Run sweeps in separate processes on small images, and kill their workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.runs import processes
from tests.helpers.commands import Command

NAMES, SEEDS, EPOCHS = "paper,batch_norm", "0-1", 3

GRID = ("--seeds", SEEDS, "--dataset", "folder", "--precision", "fp32", "--epochs", str(EPOCHS))


def write_images(folder: Path, train: int = 32, test: int = 8) -> Path:
    """An image folder of noise, small enough that an epoch takes a fraction of a second."""
    source = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for number in range(count // 2):
                pixels = source.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    return folder


def start_sweep(folder: Path, *arguments: str, **options: Any) -> Command:
    """Start a command with one thread, so that bits do not depend on the number of workers."""
    return Command(folder, *arguments, OMP_NUM_THREADS="1", **options)


def wait_for_exit(process: Command) -> tuple[int | None, str, str]:
    """Wait for a command, and return its exit status, stdout and stderr."""
    with process:
        output, errors = process.communicate(timeout=1200)
        return process.returncode, output, errors


def stored_hashes(results: Path) -> dict[str, tuple[str, str]]:
    """Hashes of weights and predictions of every run, by its folder below the results."""
    hashes = {}
    for path in results.rglob("record.json"):
        record: dict[str, Any] = json.loads(path.read_text())
        folder = str(path.parent.relative_to(results))
        hashes[folder] = (record["weights_sha256"], record["predictions_sha256"])
    return hashes


def leftover_files(results: Path) -> list[Path]:
    """Files that finished runs must not leave: checkpoints, locks, partial files."""
    return [p for p in results.rglob("*") if p.suffix == ".pt" or p.name.startswith(".")]


def lock_holders(results: Path) -> dict[int, Path]:
    """Running processes that hold the lock of a run, with the run's folder."""
    holders = {}
    for path in results.rglob(".lease*"):
        with contextlib.suppress(OSError, ValueError):
            pid = json.loads(path.read_text())["pid"]
            if processes.process_start(pid):
                holders[pid] = path.parent
    return holders


def kill(pid: int) -> bool:
    """Kill a process as the out-of-memory killer does; False if it has ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pids: set[int], seconds: float = 20.0) -> bool:
    """Wait for processes to end; whether all end in time."""
    limit = time.monotonic() + seconds
    while pids and time.monotonic() < limit:
        pids = {pid for pid in pids if processes.process_start(pid)}
        time.sleep(0.05)
    return not pids
