"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UnwritableError


def make_directory(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        UnwritableError: if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"cannot write to {path} ({error.strerror}).") from error


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Replace a file by `content` so that a crash leaves either the old file or the new one.

    Raises:
        UnwritableError: if it cannot be written; nothing is left behind.
    """
    make_directory(path.parent)
    scratch: str | None = None
    try:
        descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
        scratch = None
        _sync_directory(path.parent)
    except OSError as error:
        raise UnwritableError(f"cannot write {path} ({error.strerror}).") from error
    finally:
        if scratch is not None and os.path.exists(scratch):
            os.unlink(scratch)


def partial_files(path: Path) -> Iterator[Path]:
    """What `write_atomically` leaves where its process is killed in the middle."""
    yield from path.parent.glob(f".{path.name}.*")


def _sync_directory(path: Path) -> None:
    """Make a rename durable; not every platform can open a folder for that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
