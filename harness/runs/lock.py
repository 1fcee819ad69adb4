"""Lock a run's folder across processes and hosts.

A lock is a file made by exclusive create, which works on every file system, also between hosts,
where `flock` often does not. It holds host, process and a random token, and the process that holds
the lock touches it at intervals. A lock is dead if its process no longer runs on this host or, for
another host, if the file was not touched for `STALE_SECONDS`.

A dead lock's file is never replaced, since another process may just have replaced it. Instead the
next lock's file is named by the dead one's token, again by exclusive create, so that exactly one of
several processes succeeds. The files thus form a chain, and the last one holds the lock; its
process removes all files of the chain when it releases the lock.

`filelock.SoftFileLease` (4.2.11) was tried in its place. It keeps holders apart as well, also when
some are killed. But it does not say whether a lock's process is alive without taking the lock,
which `--status` needs; a killed process holds it until its parent has collected it, which in a
container may be never; and another host's lock must be watched for the whole time before it counts
as dead, so a new process always waits three minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError, UnwritableError
from harness.files import make_directory
from harness.runs.processes import host_id, process_start

FILE = ".lease"

# Seconds between two touches, and after which another host's lock counts as dead. A shared file
# system may show a touch up to a minute late.
HEARTBEAT_SECONDS, STALE_SECONDS = 15.0, 180.0


class LockLostError(Exception):
    """Another host has taken over the lock because it assumed this process to be dead."""


@dataclass(frozen=True)
class LockFile:
    """Content of a lock file; the names of all fields but `path` are its JSON keys.

    Attributes:
        path: path of the file.
        host, pid, born: the process that made it (see `host_id` and `process_start`).
        token: unique random text.
    """

    path: Path
    host: str
    pid: int
    born: str | None
    token: str

    def is_alive(self) -> bool:
        """Whether the process that made it runs, as far as this host can know."""
        if self.host == host_id():
            return self.born is not None and process_start(self.pid) == self.born
        return _seconds_since_touch(self.path) < STALE_SECONDS


class RunLock:
    """A lock that this process holds; a thread touches its file until it is released."""

    def __init__(self, folder: Path, lock_file: LockFile) -> None:
        self._folder = folder
        self._lock_file = lock_file
        self._last_touch = _now()
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._heartbeat, name="lock", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise an error if the lock was lost; reads the files only if touching them is overdue.

        Raises:
            LockLostError: if another host has taken the lock over, for example after this machine
                was suspended.
        """
        overdue = _now() - self._last_touch > STALE_SECONDS / 2
        if self._lost or (overdue and not self._touch()):
            raise LockLostError(f"{self._folder} was taken over by another host.")

    def release(self) -> None:
        """Release the lock and remove all files of the chain."""
        self._stop.set()
        self._thread.join()
        # If the file system is unavailable, the files stay; the lock is dead once this process is.
        with contextlib.suppress(OSError):
            if not self._is_last():
                return
            # Listed before the first is removed: files made later belong to another process.
            rest = sorted(self._folder.glob(f"{FILE}-*"))
            for path in (self._folder / FILE, *rest):
                path.unlink(missing_ok=True)

    def _heartbeat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            self._touch()

    def _touch(self) -> bool:
        """Touch the lock's file if the lock is still held; whether it is."""
        try:
            if self._is_last():
                os.utime(self._lock_file.path)
                self._last_touch = _now()
            else:
                self._lost = True
        except OSError:
            # The file server may only be unavailable for a moment; meanwhile the lock ages.
            return _now() - self._last_touch < STALE_SECONDS
        return not self._lost

    def _is_last(self) -> bool:
        _, last = _last_in_chain(self._folder)
        return last is not None and last.token == self._lock_file.token


def try_acquire(folder: Path) -> RunLock | None:
    """Lock a folder, which is created if it does not exist.

    Returns:
        The lock; None if another process holds it.

    Raises:
        UnwritableError: if the folder or the lock cannot be written.
        InputError: if the folder's locks cannot be read, or the folder is there and this user may
            not write in it.
    """
    make_directory(folder)
    with _as_input_error(folder):
        path, last = _last_in_chain(folder)
        if last is not None and last.is_alive():
            return None
    pid = os.getpid()
    lock_file = LockFile(path, host_id(), pid, process_start(pid), uuid.uuid4().hex)
    try:
        if not _create(lock_file):
            return None
    except PermissionError as error:  # it was there before, perhaps another user's
        raise InputError(f"cannot write {path} ({error.strerror}).") from error
    except OSError as error:
        raise UnwritableError(f"cannot write {path} ({error.strerror}).") from error
    # The chain may have been removed, and a new one started, since it was read.
    with _as_input_error(folder):
        if _last_in_chain(folder)[1] != lock_file:
            path.unlink(missing_ok=True)
            return None
    return RunLock(folder, lock_file)


def is_locked(folder: Path) -> bool:
    """Whether a living process holds the lock of a folder.

    Raises:
        InputError: if the folder's locks cannot be read.
    """
    with _as_input_error(folder):
        last = _last_in_chain(folder)[1]
        return last is not None and last.is_alive()


@contextmanager
def _as_input_error(folder: Path) -> Iterator[None]:
    """Convert an error of the file system to an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot read the lock of {folder}: {error.filename}: {error.strerror}. "
            "Fix this and run the same command again."
        ) from error


def _now() -> float:
    """Seconds of a clock that includes time in suspend, if the system has one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _last_in_chain(folder: Path) -> tuple[Path, LockFile | None]:
    """Path of the file that the next lock would have, and the last lock of the chain, if any."""
    path, last = folder / FILE, None
    while (lock_file := _read(path)) is not None:
        last, path = lock_file, folder / f"{FILE}-{lock_file.token}"
    return path, last


def _read(path: Path) -> LockFile | None:
    try:
        return LockFile(path=path, **json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        # Its process is still writing it, or died doing so: only its age can decide. The token
        # depends on the position in the chain, since the next file may be incomplete too.
        token = f"torn{path.name.removeprefix(FILE)}"
        return LockFile(path, host="", pid=0, born=None, token=token)


def _create(lock_file: LockFile) -> bool:
    """Write a lock file; False if it exists already."""
    fields = {k: v for k, v in vars(lock_file).items() if k != "path"}
    try:
        descriptor = os.open(lock_file.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(fields, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        lock_file.path.unlink()
        raise
    return True


def _seconds_since_touch(path: Path) -> float:
    """Seconds since a file was touched, by the file system's clock, since hosts' clocks differ."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{FILE}-") as probe:
            return Path(probe.name).stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:  # released meanwhile
        return 0.0
    except OSError:  # a read-only folder
        return time.time() - path.stat().st_mtime
