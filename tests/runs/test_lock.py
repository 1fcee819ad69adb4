"""Claims on a folder: one holder at a time, dead holders succeeded, nothing left behind."""

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
from harness.runs import lock
from tests.helpers.paths import ROOT

# Takes a lease as often as it can for some time, and notes when it had it.
CROWD = """
    import os, random, sys, time
    from pathlib import Path
    from harness.runs import lock
    folder, end = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        held = lock.try_acquire(folder)
        if held:
            start = time.monotonic_ns()
            time.sleep(random.uniform(0, 0.005))
            print(start, time.monotonic_ns(), flush=True)
            if random.random() < 0.02:
                os.kill(os.getpid(), 9)
            held.release()
"""


def process(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def dead(folder: Path) -> None:
    """Leave the claim of a process that was killed."""
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
    """A claim that another host made and touched `age` seconds ago."""
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
    held = lock.try_acquire(folder)
    assert held is not None
    assert lock.is_locked(folder)
    assert lock.try_acquire(folder) is None
    held.check()
    held.release()
    assert names(folder) == []
    assert not lock.is_locked(folder)


def test_a_killed_holder_is_succeeded_and_the_chain_removed(tmp_path: Path) -> None:
    dead(tmp_path)
    assert names(tmp_path) == [".lease"]
    assert not lock.is_locked(tmp_path)
    dead(tmp_path)  # a taker that dies in turn
    assert len(names(tmp_path)) == 2
    held = lock.try_acquire(tmp_path)
    assert held is not None
    assert len(names(tmp_path)) == 3
    assert lock.try_acquire(tmp_path) is None
    held.release()
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
    claim = {"host": lock.here(), "pid": os.getpid(), "token": "feed"}
    path.write_text(json.dumps({**claim, "born": lock.born(os.getpid())}))
    assert lock.is_locked(tmp_path)
    path.write_text(json.dumps({**claim, "born": "1"}))
    assert not lock.is_locked(tmp_path)


def age(claim: Path) -> None:
    """Let a claim be older than a living owner would."""
    os.utime(claim, (0, time.time() - lock.STALE - 5))


def assert_free(folder: Path) -> None:
    """A run can be claimed, and nothing is left when it is given back."""
    held = lock.try_acquire(folder)
    assert held is not None
    held.release()
    assert names(folder) == []


def test_another_host_lives_as_long_as_it_touches_its_claim(tmp_path: Path) -> None:
    path = elsewhere(tmp_path, lock.STALE / 2)
    assert lock.is_locked(tmp_path)
    assert lock.try_acquire(tmp_path) is None
    age(path)
    assert_free(tmp_path)


@pytest.mark.parametrize("text", ["", '{"host": "a', "[]"])
def test_a_claim_that_is_cut_short_counts_by_its_age(text: str, tmp_path: Path) -> None:
    path = tmp_path / lock.FILE
    path.write_text(text)
    assert lock.try_acquire(tmp_path) is None
    age(path)
    assert_free(tmp_path)


def test_several_claims_that_are_cut_short_are_succeeded(tmp_path: Path) -> None:
    """As after a power loss, which leaves files of no length."""
    for length in (1, 2, 3):
        path, _ = lock._last(tmp_path)
        path.touch()
        assert len(names(tmp_path)) == length
        age(path)
    assert_free(tmp_path)


def test_a_claim_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / lock.FILE).mkdir()
    for ask in (lock.try_acquire, lock.is_locked):
        with pytest.raises(InputError, match="cannot read who holds"):
            ask(tmp_path)


def taken_over(folder: Path) -> None:
    """What a taker on another host does once the claim of this folder is old."""
    token = json.loads((folder / lock.FILE).read_text())["token"]
    fields = {"host": "another", "pid": 1, "born": "1", "token": "feed"}
    (folder / f"{lock.FILE}-{token}").write_text(json.dumps(fields))


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no clock that counts sleep")
def test_a_holder_notices_that_the_machine_slept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lock.try_acquire(tmp_path)
    assert held is not None
    taken_over(tmp_path)
    held.check()  # nothing to see yet: the last look was just now
    # Sleep: `monotonic` stands still meanwhile.
    awake = time.clock_gettime(time.CLOCK_BOOTTIME)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: awake + lock.STALE)
    with pytest.raises(lock.LockLostError):
        held.check()
    held.release()


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.02)
    held = lock.try_acquire(tmp_path)
    assert held is not None
    path = tmp_path / lock.FILE
    os.utime(path, (0, 0))
    limit = time.monotonic() + 10
    while path.stat().st_mtime == 0 and time.monotonic() < limit:
        time.sleep(0.01)
    assert path.stat().st_mtime > time.time() - 60
    held.release()


def test_a_holder_that_slept_too_long_notices_and_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lock.try_acquire(tmp_path)
    assert held is not None
    taken_over(tmp_path)
    monkeypatch.setattr(lock, "STALE", 0.0)
    with pytest.raises(lock.LockLostError, match="taken over"):
        held.check()
    before = names(tmp_path)
    held.release()
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
        for one in crowd:
            output, _ = one.communicate(timeout=60)
            deaths += one.returncode == -signal.SIGKILL
            for line in output.splitlines():
                start, end = line.split()
                spans.append((int(start), int(end)))
    spans.sort()
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert end <= start
