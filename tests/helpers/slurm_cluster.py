"""Start a real Slurm cluster on loopback: one controller and two nodes of one CPU each.

It writes only to a temporary folder, and every process is a child of the test run that is stopped
at the end. Needs Debian's `slurm-wlm` and `munge`, and root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

NODES = ("n1", "n2")

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")

# cred_expire is also how long Slurm lets a requeued job wait (120 seconds otherwise); KillWait
# is the time between SIGTERM and SIGKILL (30 otherwise).
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
KillWait=1
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=1
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> str | None:
    """Why no cluster can be started here."""
    absent = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "starting Slurm's daemons needs root"


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        folder: holds its state and logs.
        variables: environment variables that Slurm's commands need.
    """

    folder: Path
    variables: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Output of one of Slurm's commands."""
        done = subprocess.run(
            arguments, env=self.variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}{self.logs()}"
        return done.stdout

    def queue(self) -> dict[str, tuple[str, str]]:
        """State and node of each pending or running job, by its id."""
        lines = self.command("squeue", "-h", "-r", "-o", "%i|%T|%N").split()
        return {name: (state, node) for name, state, node in (line.split("|") for line in lines)}

    def logs(self) -> str:
        """The end of each log, for a message."""
        logs = sorted(self.folder.glob("*.log"))
        return "".join(f"\n{log.name}:\n{log.read_text()[-2000:]}" for log in logs)


@contextmanager
def slurm_cluster() -> Iterator[Cluster]:
    """Start a cluster, and stop and remove it after the block."""
    # Not in pytest's own folder: that is for one user alone, and munge has another.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    _configure(folder)
    variables = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()}
    up = Cluster(folder, variables)
    try:
        with ExitStack() as running:
            _munge(folder, running)
            _daemon(running, variables, "slurmctld", "-D")
            for node in NODES:
                _daemon(running, variables, "slurmd", "-D", "-N", node)
            states = ("sinfo", "-h", "-o", "%T")
            wait_for(lambda: set(up.command(*states).split()) == {"idle"}, 60, up.logs)
            running.callback(_cancel_all, up)
            yield up
    finally:
        shutil.rmtree(folder)


def wait_for(
    condition: Callable[[], object], seconds: float, explain: Callable[[], str] = str
) -> None:
    """Wait until a condition is true.

    Raises:
        AssertionError: if it is still false after `seconds`.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s{explain()}"
        time.sleep(0.2)


def _cancel_all(up: Cluster) -> None:
    """Cancel all jobs, as their processes would outlive the daemons."""
    up.command("scancel", "--state=PENDING", "--user=root")
    up.command("scancel", "--user=root")
    wait_for(lambda: not up.queue(), 60, up.logs)


def _configure(folder: Path) -> None:
    host = socket.gethostname().partition(".")[0]
    port, *ports = _free_ports(1 + len(NODES))
    nodes = "\n".join(
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=900"
        for node, port in zip(NODES, ports, strict=True)
    )
    text = CONFIGURATION.format(host=host, port=port, folder=folder, nodes=nodes)
    (folder / "slurm.conf").write_text(text)
    (folder / "state").mkdir()


def _munge(folder: Path, running: ExitStack) -> None:
    """Start munge, which signs Slurm's messages, as its own user."""
    user = pwd.getpwnam("munge")
    directory = folder / "munge"
    directory.mkdir(mode=0o755)
    key = directory / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    for path in (directory, key):
        os.chown(path, user.pw_uid, user.pw_gid)
    names = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    options = [f"--{option}={directory / name}" for option, name in names.items()]
    command = ["munged", "--foreground", f"--key-file={key}", *options]
    _start(running, command, {"PATH": _path()}, user="munge", group="munge")
    wait_for((directory / "socket").exists, 20)


def _daemon(running: ExitStack, variables: dict[str, str], *command: str) -> None:
    _start(running, list(command), variables)


def _start(running: ExitStack, command: list[str], variables: dict[str, str], **user: str) -> None:
    process = subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **user,  # type: ignore[arg-type]
    )
    running.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _path() -> str:
    """PATH with the folders of the daemons, which on Debian only root's PATH has."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
