"""Write files atomically: whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UnwritableError


def make_directory(path: Path) -> None:
    """Create a folder and its parents.

    Raises:
        UnwritableError: if that fails.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"cannot write to {path} ({error.strerror}).") from error


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a crash leaves either the old content or the new.

    Raises:
        UnwritableError: if it cannot be written; no temporary file is left.
    """
    make_directory(path.parent)
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
        _sync_directory(path.parent)
    except OSError as error:
        raise UnwritableError(f"cannot write {path} ({error.strerror}).") from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def write_output_file(path: Path, content: bytes) -> None:
    """Write a file that a user named: links are followed, devices and pipes are written to.

    Raises:
        UnwritableError: if it cannot be written.
    """
    # Asked before links are followed: /dev/stdout is one to a name that does not exist.
    if not path.exists() or path.is_file() or path.is_dir():
        write_atomically(Path(os.path.realpath(path)) if path.is_symlink() else path, content)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UnwritableError(f"cannot write {path} ({error.strerror}).") from error


def partial_files(path: Path) -> Iterator[Path]:
    """Temporary files left when a process is killed inside `write_atomically`."""
    yield from path.parent.glob(f".{path.name}.*")


def _sync_directory(path: Path) -> None:
    """Make a rename durable, on platforms that can open a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(descriptor)
