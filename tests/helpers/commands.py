"""Run commands of the harness in processes that start in a moment.

A new interpreter needs seconds to import torch. These processes are forked from a server that has
imported it and has run nothing: they are processes of their own in every other respect, so they
can be killed, and get their own folder, variables, signals and output.
"""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import multiprocessing.context
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.helpers.paths import ROOT

PRELOAD = [
    "tests.helpers.commands",
    "harness.cli.app",
    "harness.report.figures.of_run",
    "harness.sweep.loop",
    "pandas",
    "sklearn.datasets",
    "torch.fx.experimental.symbolic_shapes",
]


def do_not_sync() -> None:
    """Leave files to the kernel from now on, which writes them later.

    They outlive a killed process all the same, and those of tests need not outlive a power cut.
    """
    os.fsync = lambda descriptor: None  # type: ignore[assignment]


# Called in a new process before its command.
Prepare = Callable[[], None]


@dataclass(frozen=True)
class Task:
    """A command for a new process; see `Command`."""

    arguments: tuple[str, ...]
    folder: Path
    variables: dict[str, str]
    outputs: tuple[Path, Path]
    full_network: bool
    prepare: Prepare | None


def execute(task: Task) -> None:
    """Run a command in this process, as `python -m harness` does."""
    os.chdir(task.folder)
    os.environ.clear()
    os.environ.update(task.variables)
    for number, path in enumerate(task.outputs, start=1):
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    sys.argv = ["harness", *task.arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)

    import torch

    from harness.cli import app
    from harness.runs.threads import cores
    from harness.training import checkpoint
    from tests.helpers import small_network

    # Torch reads the variable when it is imported.
    torch.set_num_threads(int(task.variables.get("OMP_NUM_THREADS") or cores()))
    do_not_sync()
    if not task.full_network:
        small_network.resize()
        checkpoint.MIN_INTERVAL_SECONDS = 0.0  # as where an epoch takes longer than that
        # Workers of a sweep are forked too.
        fork = multiprocessing.get_context("fork")
        multiprocessing.get_context = lambda method=None: fork  # type: ignore[assignment]
    if task.prepare:
        task.prepare()
    app.main()


def die_in(module_name: str, function: str, call: int) -> None:
    """Kill this process in the given call of a function."""
    module, calls = importlib.import_module(module_name), itertools.count(1)
    real = getattr(module, function)

    def die(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(module, function, die)


class Command:
    """A command that runs in a folder; the interface is that of `subprocess.Popen`.

    Args:
        folder: its working folder.
        arguments: after `python -m harness`.
        merge: write stderr to stdout.
        full_network: train networks of the published sizes, in a sweep by workers that are fresh
            interpreters.
        prepare: called in the process before the command.
        variables: environment variables that differ from this process's.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        merge: bool = False,
        full_network: bool = False,
        prepare: Prepare | None = None,
        **variables: str,
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="command-")
        paths = [Path(self._scratch.name) / name for name in ("stdout", "stderr")]
        for path in paths:
            path.touch()
        self._paths = (paths[0], paths[0] if merge else paths[1])
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ALEXNET_")}
        task = Task(arguments, folder, {**kept, **variables}, self._paths, full_network, prepare)
        self._process: ForkServerProcess = _context().Process(target=execute, args=(task,))
        self._process.start()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.kill()
        self._process.join()
        self._scratch.cleanup()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def output(self) -> str:
        """What it has printed so far."""
        return self._paths[0].read_text()

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        """Wait until it has printed a text."""
        limit = time.monotonic() + seconds
        while text not in self.output():
            assert self.poll() is None, self.communicate()
            assert time.monotonic() < limit, self.output()
            time.sleep(0.01)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float = 300.0) -> tuple[str, str]:
        """Wait for its end; returns stdout and stderr."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"still running: {self.output()}"
        return self._paths[0].read_text(), self._paths[1].read_text()


def run(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; takes the options of `Command`."""
    with Command(folder, *arguments, **options) as process:
        output, errors = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def run_fresh(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new interpreter, for what it imports and another seed of its hashes.

    A module in the folder takes the place of an installed one of that name.
    """
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    # The server is a new interpreter, which finds the project by this variable.
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    context.set_forkserver_preload(PRELOAD)
    return context
