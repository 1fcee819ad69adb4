"""Run commands in this process: what they print, their status, and the files that they change."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cli import app


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status, and the texts that it printed."""

    status: int
    out: str
    err: str


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A new working folder, which is removed afterwards; not `tmp_path`, which examples share."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        yield Path(name)


def run_command(*arguments: str) -> Outcome:
    """Run a command of the harness in the working folder.

    A warning counts as printed, as Python prints it to stderr. What is not an exit status is
    raised, as it would be a traceback.
    """
    out, err = io.StringIO(), io.StringIO()
    given, terminate = sys.argv, signal.getsignal(signal.SIGTERM)
    sys.argv = ["harness", *arguments]
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("ALEXNET_")}
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("default")
            app.main()
    except SystemExit as end:
        status = end.code or 0  # None for success
    finally:
        sys.argv = given
        os.environ.update(kept)
        signal.signal(signal.SIGTERM, terminate)
    assert isinstance(status, int)
    printed = "".join(f"{w.category.__name__}: {w.message}\n" for w in warned)
    return Outcome(status, out.getvalue(), err.getvalue() + printed)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
