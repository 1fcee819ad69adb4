"""`merge`: what no bundle holds, and records that break a rule, are refused; nothing is written."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.integrity.bundle import RefusedError, pack
from harness.integrity.check import check
from harness.integrity.merge import merge
from harness.runs import store
from tests.helpers.stored_runs import FAILED_RUN, RUN, STORED, contents, edit

pytestmark = pytest.mark.usefixtures("full_network_in_module")  # as the stored runs have


def tar_of(files: dict[str, bytes]) -> bytes:
    """A tar file of any members, unchecked, in the given order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


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


def test_what_a_header_says_beside_name_and_size_is_ignored(bundle: Path, results: Path) -> None:
    later_than_any_clock = b"\x80" + b"\xff" * 11
    bundle.write_bytes(forged(forged(tar_of(GOOD), 100, b"0007777\0"), 136, later_than_any_clock))
    assert merge(bundle, results).added == [RUN]
    assert (results / RUN / store.FILE).stat().st_mode & 0o777 == 0o644
    assert check(results) == (1, [])


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
        (lambda f: f.update(version=2), "is of version 2; this code reads version 3"),
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
