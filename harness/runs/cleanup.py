"""Remove the files that killed processes leave in the folders of runs. No torch here."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import InputError
from harness.files import partial_files
from harness.runs import lock, status, store
from harness.runs.spec import RunSpec

_OUTPUTS = (store.FILE, store.PREDICTIONS, store.WEIGHTS, store.PROBABILITIES)


def remove_partial_files(folder: Path) -> None:
    """Remove partly written files; the caller must hold the folder's lock."""
    for path in _partial_files(folder):
        path.unlink(missing_ok=True)


def remove_leftovers(specs: Iterable[RunSpec]) -> None:
    """Remove checkpoints, dead locks and partly written files from the folders of finished runs.

    A folder that another process has locked, or that cannot be written, is skipped.
    """
    for spec in specs:
        if _has_leftovers(spec.directory):
            with contextlib.suppress(InputError):
                _clean(spec)


def _clean(spec: RunSpec) -> None:
    run_lock = lock.try_acquire(spec.directory)
    if run_lock is None:
        return
    try:
        # A failed run's checkpoints may belong to its retry.
        record = status.existing_record(spec)
        if record is not None and not record.failed:
            remove_partial_files(spec.directory)
            shutil.rmtree(spec.directory / store.CHECKPOINTS, ignore_errors=True)
    finally:
        run_lock.release()


def _has_leftovers(folder: Path) -> bool:
    if (folder / store.CHECKPOINTS).exists():
        return True
    return any(_partial_files(folder)) or any(folder.glob(f"{lock.FILE}*"))


def _partial_files(folder: Path) -> Iterator[Path]:
    for name in _OUTPUTS:
        yield from partial_files(folder / name)
    # 186 MB each, and not matched by the search for checkpoints.
    yield from (folder / store.CHECKPOINTS).glob(".epoch-*")
