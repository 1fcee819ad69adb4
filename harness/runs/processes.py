"""Tell processes apart, across hosts and reboots."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
from pathlib import Path


@functools.cache
def host_id() -> str:
    """Identify the space of process numbers: host name, boot and process namespace.

    It differs between containers on one machine, and before and after a reboot.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # not Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def process_start(pid: int) -> str | None:
    """Start time of a process of this host, which tells it from others with the same number.

    Returns:
        The time as the system prints it; None if the process does not exist or has ended.
    """
    try:
        # Split after the name in brackets, which may hold anything: state is field 3, start 22.
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
