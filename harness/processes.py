"""Which process this is, and whether one of this machine still lives."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


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


def age() -> float:
    """Seconds since this process started; on other systems than Linux those that it computed."""
    try:
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.process_time()
    return uptime - int(born(os.getpid()) or 0) / os.sysconf("SC_CLK_TCK")


@contextmanager
def inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """What processes started in the block get: these variables, and no Ctrl-C.

    A terminal sends Ctrl-C to all processes at once; whoever started them tells them to end.
    """
    before = dict(os.environ)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
