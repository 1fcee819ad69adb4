"""`bundle` and `merge`: packed runs are merged unchanged, and everything else is refused."""

from __future__ import annotations

import functools
import gzip
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from harness.cli import app
from harness.errors import InputError
from harness.integrity.bundle import RefusedError, pack
from harness.integrity.check import check
from harness.integrity.merge import merge
from harness.runs import lock, store
from harness.training.runner import weights_sha256
from tests.helpers import commands
from tests.helpers.paths import ROOT

STORED = ROOT / "tests/stored"

RUN = "digits/1-epochs-fp32/paper/seed-0"

FAILED_RUN = "digits/1-epochs-fp32/no_augmentation/seed-2"

pytestmark = pytest.mark.usefixtures("full_network_in_module")  # as the stored runs have


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def packed() -> bytes:
    """All stored test records as a bundle."""
    return pack(STORED)[0]


@pytest.fixture
def bundle(packed: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "runs.tar"
    path.write_bytes(packed)
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The folder to merge into, which does not exist yet."""
    return tmp_path / "results"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A results folder that a test may change."""
    return Path(shutil.copytree(STORED, tmp_path / "source"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a stored record."""
    path = folder / store.FILE
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields, indent=1) + "\n")


def tar_of(files: dict[str, bytes]) -> bytes:
    """A tar file of any members, unchecked, in the given order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def test_packed_runs_are_merged_byte_for_byte(bundle: Path, results: Path) -> None:
    merged = merge(bundle, results)
    stored = {k: v for k, v in contents(STORED).items() if "/seed-" in k}
    assert contents(results) == stored
    assert f"{FAILED_RUN}/{store.FILE}" in stored
    assert merged.present == []
    assert merged.added == sorted({name.rpartition("/")[0] for name in stored})
    assert check(results) == (len(merged.added), [])
    again = merge(bundle, results)
    assert (again.added, again.present) == ([], merged.added)
    assert pack(results)[0] == bundle.read_bytes()


def test_the_same_runs_give_the_same_bytes_whatever_else_is_there(
    packed: bytes, tmp_path: Path
) -> None:
    copy = tmp_path / "other"
    for name, content in sorted(contents(STORED).items(), reverse=True):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
        (copy / name).chmod(0o600)
    (copy / RUN / "samples.png").write_bytes(b"images")
    (copy / RUN / "checkpoints").mkdir()
    (copy / RUN / "checkpoints/epoch-00001.pt").write_bytes(b"state")
    (copy / "digits/1-epochs-fp32/paper/seed-9").mkdir()  # has not ended
    (copy / FAILED_RUN / store.PREDICTIONS).write_text("of an attempt before\n")
    assert pack(copy)[0] == packed


def test_weights_are_checked_and_stay(source: Path) -> None:
    weights = {"layer": torch.arange(3.0)}
    (source / RUN / store.WEIGHTS).write_bytes(safetensors.torch.save(weights))
    with pytest.raises(RefusedError) as refused:
        pack(source)
    (fault,) = refused.value.faults
    assert fault.startswith(f"{RUN}/record.json: hashes match: weights_sha256")
    edit(source / RUN, lambda f: f.update(weights_sha256=weights_sha256(weights)))
    with tarfile.open(fileobj=io.BytesIO(pack(source)[0])) as tar:
        assert {name.rpartition("/")[2] for name in tar.getnames()} == {
            store.FILE,
            store.PREDICTIONS,
        }


RECORD = (STORED / RUN / store.FILE).read_bytes()

PREDICTIONS = (STORED / RUN / store.PREDICTIONS).read_bytes()

GOOD = {f"{RUN}/{store.FILE}": RECORD, f"{RUN}/{store.PREDICTIONS}": PREDICTIONS}


def member(kind: bytes, name: str = f"{RUN}/{store.FILE}", **fields: object) -> bytes:
    """A tar file with a member of this type before the good ones."""
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + tar_of(GOOD)


def forged(content: bytes, at: int, value: bytes) -> bytes:
    """A tar file whose first header is changed, with a correct checksum."""
    block = bytearray(content)
    block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


def extended(name: str, headers: dict[str, str]) -> bytes:
    info = tarfile.TarInfo(name)
    info.pax_headers = headers
    return info.tobuf(tarfile.PAX_FORMAT) + tar_of(GOOD)


def damaged(at: int) -> bytes:
    content = bytearray(tar_of(GOOD))
    content[at] ^= 0x11
    return bytes(content)


SECOND_HEADER = 512 + -(-len(RECORD) // 512) * 512

END = SECOND_HEADER + 512 + -(-len(PREDICTIONS) // 512) * 512

HOSTILE = {
    "parent": (tar_of({**GOOD, "../evil/record.json": RECORD}), "../evil/record.json: not the"),
    "parent inside": (tar_of({"digits/../../../x/seed-0/record.json": RECORD}), "not the name"),
    "absolute": (tar_of({f"/{RUN}/record.json": RECORD}), f"/{RUN}/record.json: not the name"),
    "backslashes": (tar_of({RUN.replace("/", "\\") + "\\record.json": RECORD}), "not the name"),
    "upper case": (tar_of({**GOOD, f"{RUN}/record.JSON": RECORD}), "record.JSON: not the name"),
    "other numeral": (tar_of({f"{RUN[:-1]}٣/record.json": RECORD}), "not the name"),
    "seed 00": (tar_of({f"{RUN}0/record.json": RECORD}), "seed-00/record.json: not the name"),
    "weights": (tar_of({**GOOD, f"{RUN}/model.safetensors": b""}), "model.safetensors: not the"),
    "line break": (tar_of({f"a\n{RUN}/record.json": RECORD}), r"a\ndigits/"),
    "escape": (tar_of({"\x1b[2J/record.json": RECORD}), r"\x1b[2J/record.json: not the name"),
    "twice": (tar_of(GOOD)[:END] + tar_of(GOOD), "appears twice"),
    "symlink": (member(tarfile.SYMTYPE, linkname="/etc/passwd"), "not a regular file"),
    "folder symlink": (member(tarfile.SYMTYPE, RUN, linkname="/tmp"), "not a regular file"),
    "hard link": (member(tarfile.LNKTYPE, linkname="x/record.json"), "not a regular file"),
    "character device": (member(tarfile.CHRTYPE, devmajor=1, devminor=5), "not a regular file"),
    "block device": (member(tarfile.BLKTYPE, devmajor=8), "not a regular file"),
    "pipe": (member(tarfile.FIFOTYPE), "not a regular file"),
    "folder": (member(tarfile.DIRTYPE, RUN), "not a regular file"),
    "contiguous": (member(tarfile.CONTTYPE), "not a regular file"),
    "sparse bomb": (
        # In the old GNU format: expands to 8 GB of zeros.
        forged(member(tarfile.GNUTYPE_SPARSE), 483, b"77777777777\0"),
        "not a regular file",
    ),
    "extended sparse bomb": (
        extended(f"{RUN}/record.json", {"GNU.sparse.major": "1", "GNU.sparse.realsize": "9" * 12}),
        "not a regular file",
    ),
    "long name": (extended("digits/" + "x" * 300, {}), "not a regular file"),
    "large": (tar_of({f"{RUN}/record.json": b" " * (17 << 20)}), "over the limit"),
    "said to be large": (forged(tar_of(GOOD), 124, b"77777777777\0"), "over the limit"),
    "negative size": (forged(tar_of(GOOD), 124, b"\xff" * 12), "over the limit"),
    "size of letters": (forged(tar_of(GOOD), 124, b"one million\0"), "damaged"),
    "cut in a member": (tar_of(GOOD)[:2000], "cut short"),
    "cut in a header": (tar_of(GOOD)[: SECOND_HEADER + 100], "damaged"),
    "cut between members": (tar_of(GOOD)[:SECOND_HEADER], "cut short"),
    "damaged first header": (damaged(200), "damaged"),
    "damaged second header": (damaged(SECOND_HEADER + 3), "damaged"),
    "with a tail": (tar_of(GOOD)[:-10] + b"0123456789", "damaged"),
    "compressed bomb": (gzip.compress(tar_of(GOOD) + bytes(1 << 20)), "decompress it first"),
    "no tar": (b"runs " * 1000, "damaged"),
    "empty file": (b"", "damaged"),
    "empty tar": (tar_of({}), "has no runs"),
    "predictions alone": (
        tar_of({f"{RUN}/{store.PREDICTIONS}": PREDICTIONS}),
        f"{RUN}/{store.PREDICTIONS}: no record.json in its folder",
    ),
    "record alone": (tar_of({f"{RUN}/{store.FILE}": RECORD}), "predictions_sha256 is not that"),
    "failed with predictions": (
        tar_of(
            {
                f"{FAILED_RUN}/record.json": (STORED / FAILED_RUN / store.FILE).read_bytes(),
                f"{FAILED_RUN}/{store.PREDICTIONS}": PREDICTIONS,
            }
        ),
        "failed, but has predictions.txt",
    ),
    "in another run's folder": (
        tar_of({name.replace("seed-0", "seed-5"): content for name, content in GOOD.items()}),
        "folder matches",
    ),
    "endless nesting": (tar_of({**GOOD, f"{RUN}/record.json": b"[" * 300_000}), "is damaged"),
}


def refusal(bundle: Path, results: Path) -> str:
    """The messages of a refused merge, after which nothing was written."""
    with pytest.raises(InputError) as error:
        merge(bundle, results)
    assert not results.exists()
    lines = [*getattr(error.value, "faults", []), str(error.value)]
    assert all(line.isprintable() and len(line) < 500 for line in lines)
    return "\n".join(lines)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_bundle_holds_is_refused_by_name(kind: str, bundle: Path, results: Path) -> None:
    content, message = HOSTILE[kind]
    bundle.write_bytes(content)
    before = sorted(bundle.parent.parent.rglob("*"))
    assert message in refusal(bundle, results)
    assert sorted(bundle.parent.parent.rglob("*")) == before


def other_seed(fields: dict[str, Any]) -> None:
    fields["seed"] = 1


def endless(fields: dict[str, Any]) -> None:
    fields["protocol"]["epochs"] = fields["departures"]["epochs"] = 10**13


def huge(fields: dict[str, Any]) -> None:
    fields["dataset"]["train_size"] = 10**400


def coloured(fields: dict[str, Any]) -> None:
    fields["reason"] = "\x1b[31m" + "x" * 10**6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_seed, "folder matches"),
        (endless, "history has epochs"),
        (huge, "train_size"),
        (coloured, "outcome is complete"),
        (lambda f: f["metrics"].update(accuracy=0.99), "metrics.accuracy"),
        (lambda f: f["settings"].update(dropout=0.1), "settings are not those"),
        (lambda f: f.update(variant="../../evil"), "is not a variant name"),
        (lambda f: f.update({"\x1b[2J": 1}), r"\x1b[2J: Extra inputs are not permitted"),
        (lambda f: f.update(version=2), "version 2, this code reads version 3"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(
    change: Callable[[dict[str, Any]], object],
    message: str,
    source: Path,
    bundle: Path,
    results: Path,
) -> None:
    edit(source / RUN, change)
    runs = {k: v for k, v in contents(source).items() if "/seed-" in k}
    bundle.write_bytes(tar_of(runs))
    assert message in refusal(bundle, results)
    with pytest.raises(RefusedError):
        pack(source)


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


@pytest.mark.parametrize("flips", [1, 20])
def test_flipped_bits_are_refused_or_leave_a_record_that_passes(
    flips: int, packed: bytes, bundle: Path, results: Path
) -> None:
    source, refused = random.Random(flips), 0
    for _ in range(20):
        content = bytearray(packed)
        for _ in range(flips):
            content[source.randrange(len(content))] ^= 1 << source.randrange(8)
        bundle.write_bytes(content)
        try:
            merge(bundle, results)
        except InputError:
            refused += 1
            assert not results.exists()
        else:  # in a field that no rule can compare with anything
            assert check(results)[1] == []
            shutil.rmtree(results)
    assert refused >= 10


@pytest.mark.parametrize("difference", ["weights", "failed"])
def test_a_conflict_is_named_and_nothing_is_merged(
    difference: str, source: Path, bundle: Path, results: Path
) -> None:
    shutil.copytree(source / RUN, results / RUN)
    if difference == "weights":
        edit(results / RUN, lambda f: f.update(weights_sha256="ab" * 32))
    else:
        failed = dict.fromkeys(("metrics", "weights_sha256", "predictions_sha256"))
        edit(results / RUN, lambda f: f.update(status="failed", reason="diverged", **failed))
    before = contents(results)
    with pytest.raises(RefusedError) as error:
        merge(bundle, results)
    (fault,) = error.value.faults
    assert fault.startswith(f"{RUN}: conflict: ")
    assert "weights_sha256 was" in fault
    assert contents(results) == before


def test_the_same_outcome_of_another_machine_is_no_conflict(
    source: Path, bundle: Path, results: Path
) -> None:
    shutil.copytree(source / RUN, results / RUN)
    edit(results / RUN, lambda f: f["environment"].update(device="another", threads=64))
    before = (results / RUN / store.FILE).read_bytes()
    assert merge(bundle, results).present == [RUN]
    assert (results / RUN / store.FILE).read_bytes() == before


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


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run a command in this process; return its exit status, output and errors."""
    monkeypatch.setattr(sys, "argv", ["harness", *arguments])
    with pytest.raises(SystemExit) as end:
        app.main()
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


def test_commands_say_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = functools.partial(command, monkeypatch, capsys)
    status, out, err = run("bundle", "runs.tar", "--results", str(STORED))
    assert (status, out, err) == (
        0,
        f"6 runs in runs.tar ({Path('runs.tar').stat().st_size:,} bytes)\n",
        "",
    )
    status, out, _ = run("merge", "runs.tar")
    assert status == 0
    assert f"added: {RUN}\n" in out
    assert out.endswith("6 runs added, 0 already present\n")
    edit(Path("results") / RUN, lambda f: f.update(weights_sha256="ab" * 32))
    status, out, err = run("merge", "runs.tar")
    assert (status, out) == (2, "")
    assert err.startswith(f"{RUN}: conflict: weights_sha256 was abab")
    assert err.count("\n") == 2
    status, out, err = run("merge", "missing.tar")
    assert (status, err.count("\n")) == (2, 1)
    assert "missing.tar cannot be read" in err
    status, out, err = run("bundle", "none.tar", "--results", "nowhere")
    assert (status, err.count("\n")) == (2, 1)
    assert not Path("none.tar").exists()
