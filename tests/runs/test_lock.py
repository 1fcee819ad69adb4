"""Locks of folders: one holder at a time, dead locks taken over, no files left."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.runs import lock, processes
from tests.helpers.paths import ROOT

# Takes the lock as often as it can for some time, and prints when it held it.
CROWD = """
    import os, random, sys, time
    from pathlib import Path
    from harness.runs import lock
    folder, end = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        run_lock = lock.try_acquire(folder)
        if run_lock:
            start = time.monotonic_ns()
            time.sleep(random.uniform(0, 0.005))
            print(start, time.monotonic_ns(), flush=True)
            if random.random() < 0.02:
                os.kill(os.getpid(), 9)
            run_lock.release()
"""


def process(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def dead(folder: Path) -> None:
    """Leave the lock of a process that was killed."""
    script = """
        import os, sys
        from pathlib import Path
        from harness.runs import lock
        assert lock.try_acquire(Path(sys.argv[1]))
        os.kill(os.getpid(), 9)
    """
    with process(script, str(folder)) as holder:
        assert holder.wait() == -signal.SIGKILL


def elsewhere(folder: Path, age: float) -> Path:
    """A lock that another host made and touched `age` seconds ago."""
    path = folder / lock.FILE
    fields = {"host": "another", "pid": os.getpid(), "born": "1", "token": "feed"}
    path.write_text(json.dumps(fields))
    touched = time.time() - age
    os.utime(path, (touched, touched))
    return path


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_folder_has_one_holder_and_keeps_nothing_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run_lock = lock.try_acquire(folder)
    assert run_lock is not None
    assert lock.is_locked(folder)
    assert lock.try_acquire(folder) is None
    run_lock.check()
    run_lock.release()
    assert names(folder) == []
    assert not lock.is_locked(folder)


def test_a_killed_holder_is_succeeded_and_the_chain_removed(tmp_path: Path) -> None:
    dead(tmp_path)
    assert names(tmp_path) == [".lease"]
    assert not lock.is_locked(tmp_path)
    dead(tmp_path)  # a taker that dies in turn
    assert len(names(tmp_path)) == 2
    run_lock = lock.try_acquire(tmp_path)
    assert run_lock is not None
    assert len(names(tmp_path)) == 3
    assert lock.try_acquire(tmp_path) is None
    run_lock.release()
    assert names(tmp_path) == []


def test_a_holder_that_waits_to_be_reaped_is_dead(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from harness.runs import lock
        assert lock.try_acquire(Path(sys.argv[1]))
        print(flush=True)
        sys.stdin.read()
    """
    with process(script, str(tmp_path)) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert lock.is_locked(tmp_path)
        holder.kill()
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        assert not lock.is_locked(tmp_path)


def test_a_reused_process_number_is_another_process(tmp_path: Path) -> None:
    path = tmp_path / lock.FILE
    fields = {"host": processes.host_id(), "pid": os.getpid(), "token": "feed"}
    path.write_text(json.dumps({**fields, "born": processes.process_start(os.getpid())}))
    assert lock.is_locked(tmp_path)
    path.write_text(json.dumps({**fields, "born": "1"}))
    assert not lock.is_locked(tmp_path)


def age(path: Path) -> None:
    """Make a lock older than that of a living process on another host."""
    os.utime(path, (0, time.time() - lock.STALE_SECONDS - 5))


def assert_free(folder: Path) -> None:
    """The folder can be locked, and no file is left when it is released."""
    run_lock = lock.try_acquire(folder)
    assert run_lock is not None
    run_lock.release()
    assert names(folder) == []


def test_another_hosts_lock_is_alive_while_it_is_touched(tmp_path: Path) -> None:
    path = elsewhere(tmp_path, lock.STALE_SECONDS / 2)
    assert lock.is_locked(tmp_path)
    assert lock.try_acquire(tmp_path) is None
    age(path)
    assert_free(tmp_path)


@pytest.mark.parametrize("content", [b"", b'{"host": "a', b"[]", b"\xff\xfe\x00"])
def test_an_incomplete_lock_file_counts_by_its_age(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / lock.FILE
    path.write_bytes(content)
    assert lock.try_acquire(tmp_path) is None
    age(path)
    assert_free(tmp_path)


def test_several_incomplete_lock_files_are_succeeded(tmp_path: Path) -> None:
    """As after a power loss, which leaves empty files."""
    for length in (1, 2, 3):
        path, _ = lock._last_in_chain(tmp_path)
        path.touch()
        assert len(names(tmp_path)) == length
        age(path)
    assert_free(tmp_path)


def test_a_lock_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / lock.FILE).mkdir()
    for ask in (lock.try_acquire, lock.is_locked):
        with pytest.raises(InputError, match="cannot read the lock of"):
            ask(tmp_path)


def taken_over(folder: Path) -> None:
    """Take the folder's lock over, as another host does when it is stale."""
    token = json.loads((folder / lock.FILE).read_text())["token"]
    fields = {"host": "another", "pid": 1, "born": "1", "token": "feed"}
    (folder / f"{lock.FILE}-{token}").write_text(json.dumps(fields))


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no clock that counts sleep")
def test_a_holder_notices_that_the_machine_slept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lock = lock.try_acquire(tmp_path)
    assert run_lock is not None
    taken_over(tmp_path)
    run_lock.check()  # not noticed yet: the lock was touched just now
    # Sleep: `monotonic` stands still meanwhile.
    awake = time.clock_gettime(time.CLOCK_BOOTTIME)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: awake + lock.STALE_SECONDS)
    with pytest.raises(lock.LockLostError):
        run_lock.check()
    run_lock.release()


def test_a_held_lock_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.02)
    run_lock = lock.try_acquire(tmp_path)
    assert run_lock is not None
    path = tmp_path / lock.FILE
    os.utime(path, (0, 0))
    limit = time.monotonic() + 10
    while path.stat().st_mtime == 0 and time.monotonic() < limit:
        time.sleep(0.01)
    assert path.stat().st_mtime > time.time() - 60
    run_lock.release()


def test_a_holder_that_slept_too_long_notices_and_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lock = lock.try_acquire(tmp_path)
    assert run_lock is not None
    taken_over(tmp_path)
    monkeypatch.setattr(lock, "STALE_SECONDS", 0.0)
    with pytest.raises(lock.LockLostError, match="taken over"):
        run_lock.check()
    before = names(tmp_path)
    run_lock.release()
    assert names(tmp_path) == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        lock.try_acquire(tmp_path / "file" / "run")


def test_no_two_of_a_crowd_hold_it_at_once_though_holders_are_killed(tmp_path: Path) -> None:
    spans: list[tuple[int, int]] = []
    deaths = 0
    while deaths < 2 or len(spans) <= 100:
        crowd = [process(CROWD, str(tmp_path), "1") for _ in range(4)]
        for contender in crowd:
            output, _ = contender.communicate(timeout=60)
            deaths += contender.returncode == -signal.SIGKILL
            for line in output.splitlines():
                start, end = line.split()
                spans.append((int(start), int(end)))
    spans.sort()
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert end <= start
