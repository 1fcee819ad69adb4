"""`merge`: runs are added unchanged beside those that are there, and conflicts are named."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.integrity.bundle import RefusedError, pack
from harness.integrity.check import check
from harness.integrity.merge import merge
from harness.runs import lock, store
from tests.helpers import commands
from tests.helpers.stored_runs import FAILED_RUN, RUN, contents, edit

pytestmark = pytest.mark.usefixtures("full_network_in_module")  # as the stored runs have


def test_a_copy_under_another_seed_is_refused(source: Path, bundle: Path, results: Path) -> None:
    merge(bundle, results)
    before = contents(results)
    copied = (source / RUN).with_name("seed-7")
    (source / RUN).rename(copied)
    edit(copied, lambda f: f.update(seed=7))
    bundle.write_bytes(pack(source)[0])
    with pytest.raises(RefusedError) as error:
        merge(bundle, results)
    (fault,) = error.value.faults
    assert fault == f"{RUN[:-1]}7: weights_sha256 is that of {RUN}"
    assert contents(results) == before


def test_a_variant_that_is_equal_in_one_epoch_is_merged(
    source: Path, bundle: Path, results: Path
) -> None:
    merge(bundle, results)
    twin = source / RUN.replace("/paper/", "/no_lr_decay/")
    shutil.copytree(source / RUN, twin)
    without = {"lr_decay": False}
    edit(twin, lambda f: f["settings"].update(without))
    edit(twin, lambda f: f.update(variant="no_lr_decay", changes=without))
    bundle.write_bytes(pack(source)[0])
    assert merge(bundle, results).added == [twin.relative_to(source).as_posix()]


NOTHING = dict.fromkeys(("metrics", "weights_sha256", "predictions_sha256"))


@pytest.mark.parametrize(
    ("run", "change", "named"),
    [
        (RUN, {"weights_sha256": "ab" * 32}, "weights_sha256 was"),
        (RUN, {"predictions_sha256": "ab" * 32}, "predictions_sha256 was"),
        (RUN, {"status": "failed", "reason": "diverged", **NOTHING}, "status was failed"),
    ],
)
def test_a_conflict_is_named_and_nothing_is_merged(
    run: str, change: dict[str, Any], named: str, source: Path, bundle: Path, results: Path
) -> None:
    shutil.copytree(source / run, results / run)
    edit(results / run, lambda f: f.update(change))
    before = contents(results)
    with pytest.raises(RefusedError) as error:
        merge(bundle, results)
    (fault,) = error.value.faults
    assert fault.startswith(f"{run}: conflict: ")
    assert named in fault
    assert contents(results) == before


def test_a_run_that_ends_while_the_folders_are_locked_is_compared_too(
    source: Path, bundle: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = lock.try_acquire

    def ends_first(folder: Path) -> lock.RunLock | None:
        if not (results / RUN / store.FILE).exists():
            shutil.copytree(source / RUN, results / RUN, dirs_exist_ok=True)
            edit(results / RUN, lambda f: f.update(weights_sha256="ab" * 32))
        return acquire(folder)

    monkeypatch.setattr(lock, "try_acquire", ends_first)
    with pytest.raises(RefusedError) as error:
        merge(bundle, results)
    assert "weights_sha256 was" in error.value.faults[0]
    assert len([*results.rglob(store.FILE)]) == 1


def test_the_same_outcome_of_another_machine_is_no_conflict(
    source: Path, bundle: Path, results: Path
) -> None:
    shutil.copytree(source / RUN, results / RUN)
    edit(results / RUN, lambda f: f["environment"].update(device="another", threads=64))
    before = (results / RUN / store.FILE).read_bytes()
    assert merge(bundle, results).present == [RUN]
    assert (results / RUN / store.FILE).read_bytes() == before


def test_a_run_that_failed_here_for_another_reason_is_no_conflict(
    source: Path, bundle: Path, results: Path
) -> None:
    shutil.copytree(source / FAILED_RUN, results / FAILED_RUN)
    edit(results / FAILED_RUN, lambda f: f.update(reason="out of memory: in other words"))
    before = (results / FAILED_RUN / store.FILE).read_bytes()
    assert merge(bundle, results).present == [FAILED_RUN]
    assert (results / FAILED_RUN / store.FILE).read_bytes() == before


def test_a_run_that_trains_here_is_not_overwritten(bundle: Path, results: Path) -> None:
    run_lock = lock.try_acquire(results / RUN)
    assert run_lock is not None
    with pytest.raises(RefusedError) as error:
        merge(bundle, results)
    assert error.value.faults == [f"{results / RUN}: being trained"]
    assert not list(results.rglob(store.FILE))
    run_lock.release()
    merge(bundle, results)
    assert check(results)[1] == []


def test_leftovers_of_a_cut_off_run_do_not_stay_beside_its_record(
    bundle: Path, results: Path
) -> None:
    (results / RUN / "checkpoints").mkdir(parents=True)
    for name in ("checkpoints/epoch-00001-x.pt", store.WEIGHTS, store.PROBABILITIES):
        (results / RUN / name).write_bytes(b"cut off")
    merge(bundle, results)
    assert {p.name for p in (results / RUN).iterdir()} == {store.FILE, store.PREDICTIONS}
    assert check(results)[1] == []


def test_a_failed_run_leaves_the_checkpoints_that_its_retry_goes_on_from(
    source: Path, results: Path, tmp_path: Path
) -> None:
    record = store.load(source / RUN / store.FILE)
    cleared: dict[str, object] = {
        "metrics": None,
        "weights_sha256": None,
        "predictions_sha256": None,
    }
    empty = {"history": [], "resumed_at": [], "train_seconds": 0.0}
    failed = {**cleared, **empty, "status": "failed", "reason": "out of memory"}
    store.save(tmp_path / "failed" / RUN, record.model_copy(update=failed))
    (tmp_path / "failed.tar").write_bytes(pack(tmp_path / "failed")[0])
    checkpoint = results / RUN / "checkpoints/epoch-00001-x.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert merge(tmp_path / "failed.tar", results).added == [RUN]
    assert checkpoint.exists()


def test_a_merge_that_is_killed_leaves_no_half_run(
    bundle: Path, results: Path, harness: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    # Killed before the fourth file is renamed: the record of the second run.
    die = partial(commands.die_in, "os", "replace", 4)
    options = ("--results", str(results))
    ended = harness("merge", str(bundle), *options, full_network=True, prepare=die)
    assert ended.returncode == -signal.SIGKILL
    assert check(results) == (1, [])
    merged = merge(bundle, results)
    assert len(merged.present) == 1
    assert check(results) == (len(merged.present) + len(merged.added), [])
    assert pack(results)[0] == bundle.read_bytes()
