"""What a process that was killed leaves in a run's folder, and its removal. No torch here."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import InputError
from harness.files import partial_files
from harness.runs import lock, status, store
from harness.runs.spec import RunSpec

_WRITTEN = (store.FILE, store.PREDICTIONS, store.WEIGHTS, store.PROBABILITIES)


def remove_partial_files(folder: Path) -> None:
    """Remove files that were cut off in the middle; only for who holds the folder's claim."""
    for path in _halves(folder):
        path.unlink(missing_ok=True)


def remove_leftovers(specs: Iterable[RunSpec]) -> None:
    """Clear the folders of finished runs: checkpoints, claims of the dead, halves of files.

    A folder that another process holds, or that cannot be written, is left as it is.
    """
    for spec in specs:
        if _any(spec.directory):
            with contextlib.suppress(InputError):
                _tidy(spec)


def _tidy(spec: RunSpec) -> None:
    claim = lock.try_acquire(spec.directory)
    if claim is None:
        return
    try:
        # A failed run's checkpoints may be those of another try at it.
        done = status.existing_record(spec)
        if done is not None and not done.failed:
            remove_partial_files(spec.directory)
            shutil.rmtree(spec.directory / store.CHECKPOINTS, ignore_errors=True)
    finally:
        claim.release()


def _any(folder: Path) -> bool:
    if (folder / store.CHECKPOINTS).exists():
        return True
    return any(_halves(folder)) or any(folder.glob(f"{lock.FILE}*"))


def _halves(folder: Path) -> Iterator[Path]:
    for name in _WRITTEN:
        yield from partial_files(folder / name)
    # 186 MB each, and nothing else ever looks for them.
    yield from (folder / store.CHECKPOINTS).glob(".epoch-*")
