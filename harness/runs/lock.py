"""Claims on a folder: who trains a run, seen by every process and every host that shares it.

A claim is a file made by exclusive create, which every file system can do, also between
hosts, where locks often do not reach. It names host, process and a random token; its
holder touches it while it lives. A claim is dead if its process is gone from this host or,
where another host made it, if it was not touched for `STALE` seconds.

A dead claim is never replaced, since somebody else may just have done so. It is succeeded: the
next claim's file is named by the dead one's token, again by exclusive create, so that of any
number of takers one wins. The holder, the last of the chain, removes it from its first file on.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import subprocess
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

FILE = ".lease"

# Seconds between two touches, and after which a host that is silent counts as dead. Shared
# file systems may show a touch up to a minute late.
BEAT, STALE = 15.0, 180.0


class LockLostError(Exception):
    """Another host took this process for dead and trains the run now."""


@dataclass(frozen=True)
class Claim:
    """A claim as its file has it.

    Attributes:
        path: the file.
        host, pid, born: who made it (see `here` and `born`).
        token: names this claim alone.
    """

    path: Path
    host: str
    pid: int
    born: str | None
    token: str

    def living(self) -> bool:
        """Whether its maker must be taken to live."""
        if self.host == here():
            return self.born is not None and born(self.pid) == self.born
        return _age(self.path) < STALE


class RunLock:
    """A claim of this process, kept alive by a thread until it is released."""

    def __init__(self, folder: Path, claim: Claim) -> None:
        self._folder = folder
        self._claim = claim
        self._seen = _now()
        self._lost = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """See that the claim still stands, which costs nothing while the heart beats.

        Raises:
            LeaseLostError: if it was taken over, as after this machine slept.
        """
        if self._lost or (_now() - self._seen > STALE / 2 and not self._renew()):
            raise LockLostError(f"{self._folder} was taken over by another host.")

    def release(self) -> None:
        """Let go; nothing of the chain stays behind."""
        self._end.set()
        self._thread.join()
        # Where the file system is away, the claim stays and is dead with this process.
        with contextlib.suppress(OSError):
            if not self._stands():
                return
            # Listed before the first goes: what is made afterwards belongs to somebody else.
            rest = sorted(self._folder.glob(f"{FILE}-*"))
            for path in (self._folder / FILE, *rest):
                path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._end.wait(BEAT):
            self._renew()

    def _renew(self) -> bool:
        try:
            if self._stands():
                os.utime(self._claim.path)
                self._seen = _now()
            else:
                self._lost = True
        except OSError:
            # A server that is away for a moment; the claim ages meanwhile.
            return _now() - self._seen < STALE
        return not self._lost

    def _stands(self) -> bool:
        _, last = _last(self._folder)
        return last is not None and last.token == self._claim.token


def try_acquire(folder: Path) -> RunLock | None:
    """Claim a folder, or return None because another living process has it.

    Raises:
        UnwritableError: if nothing can be written there.
        InputError: if the claims there cannot be read.
    """
    make_directory(folder)
    with _explained(folder):
        path, last = _last(folder)
        if last is not None and last.living():
            return None
    pid = os.getpid()
    claim = Claim(path, here(), pid, born(pid), uuid.uuid4().hex)
    try:
        if not _create(claim):
            return None
    except OSError as error:
        raise UnwritableError(f"cannot write {path} ({error.strerror}).") from error
    # The chain may have been released, and begun anew, since it was read.
    with _explained(folder):
        if _last(folder)[1] != claim:
            path.unlink(missing_ok=True)
            return None
    return RunLock(folder, claim)


def is_locked(folder: Path) -> bool:
    """Whether a living process has a folder.

    Raises:
        InputError: if the claims there cannot be read.
    """
    with _explained(folder):
        last = _last(folder)[1]
        return last is not None and last.living()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Makes an error of the file system one for people."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot read who holds {folder}: {error.filename}: {error.strerror}. "
            "Mend that, then give the same command again."
        ) from error


def _now() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _last(folder: Path) -> tuple[Path, Claim | None]:
    """The last claim of the chain, and the path of its successor's file."""
    path, last = folder / FILE, None
    while (claim := _read(path)) is not None:
        last, path = claim, folder / f"{FILE}-{claim.token}"
    return path, last


def _read(path: Path) -> Claim | None:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return Claim(path=path, **json.loads(text))
    except (ValueError, TypeError):
        # Its maker is just writing it, or died there: nothing but its age can tell.
        # Named by its place in the chain, since its successor may be torn too.
        return Claim(path, host="", pid=0, born=None, token=f"torn{path.name.removeprefix(FILE)}")


def _create(claim: Claim) -> bool:
    """Write a claim where there is none; False if there is one."""
    fields = {k: v for k, v in vars(claim).items() if k != "path"}
    try:
        descriptor = os.open(claim.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(fields, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        claim.path.unlink()
        raise
    return True


def _age(path: Path) -> float:
    """Seconds since a file was touched, by the file system's clock: hosts may differ in theirs."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{FILE}-") as probe:
            return Path(probe.name).stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:  # released meanwhile
        return 0.0
    except OSError:  # a folder that may only be read
        return time.time() - path.stat().st_mtime


@functools.cache
def here() -> str:
    """Where process numbers mean what they mean here: host, its start, and its namespace.

    Two containers on one machine, or one machine before and after a restart, differ.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # not Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def born(pid: int) -> str | None:
    """When a process of this machine started, in a form that is the same each time.

    Returns:
        None if there is no such process, or one that has ended and only waits to be reaped.
        Together with the number this names a process for good, since numbers are reused.
    """
    try:
        # After the name, which may hold anything, in brackets: state is field 3, start 22.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return None
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    state, _, start = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    ).stdout.partition(" ")
    return None if not state or state.startswith("Z") else start.strip()
