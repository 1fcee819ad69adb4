"""Damaged and hostile bundles: merged whole, or refused with nothing written anywhere."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tempfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.integrity.bundle import pack
from harness.integrity.check import check
from harness.runs import store
from tests.helpers import small_network
from tests.helpers.in_process import contents, empty_folder, run_command
from tests.helpers.paths import ROOT
from tests.helpers.properties import ARGUMENTS, damaged_bytes, examples, mutated_json

STORED = ROOT / "tests/stored"

RUNS = [
    "digits/1-epochs-fp32/paper/seed-0",
    "digits/1-epochs-fp32/paper/seed-1",
    "digits/1-epochs-fp32/no_augmentation/seed-2",  # failed
]

GOOD = {
    f"{run}/{name}": (STORED / run / name).read_bytes()
    for run in RUNS
    for name in (store.FILE, store.PREDICTIONS)
    if (STORED / run / name).exists()
}

pytestmark = pytest.mark.usefixtures("full_network_in_module")  # as the stored runs have

with small_network.published():
    PACKED = pack(STORED / "digits")[0]

# The run that is in the results folder already.
PRESENT = "digits/1-epochs-fp32/no_augmentation/seed-0"

NAMES = st.one_of(
    st.sampled_from(sorted(GOOD)),
    st.sampled_from(sorted(GOOD)).flatmap(
        lambda name: st.sampled_from(
            (
                *(f"/{name}", f"../{name}", f"./{name}", f"digits/../../{name}", f"{name}/"),
                *(f"{name}~", f"{name}/{name}", name.rpartition("/")[0], name.upper()),
                *(name.replace(*words) for words in (("seed-", "seed-0"), ("paper", "baseline"))),
            )
        )
    ),
    st.sampled_from(["", "/etc/passwd", "..", ".", "outside", f"{RUNS[0]}/model.safetensors"]),
    ARGUMENTS,
)

CONTENTS = st.one_of(
    st.sampled_from(sorted(GOOD.values())),
    mutated_json(json.loads(GOOD[f"{RUNS[0]}/{store.FILE}"])),
    damaged_bytes(GOOD[f"{RUNS[0]}/{store.PREDICTIONS}"]),
    st.sampled_from([b"", b"9" * 5_000, b"-1\n" * 360, b"1\n" * 360]),
)

# Of members: links, devices, and the headers that extend others.
TYPES = st.sampled_from(
    (
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE),
        *(
            tarfile.FIFOTYPE,
            tarfile.CONTTYPE,
            tarfile.GNUTYPE_SPARSE,
            b"Z",
            b"x",
            b"g",
            b"L",
            b"\0",
        ),
    )
)

SIZES = st.sampled_from([1, 511, 513, 16 << 20, (16 << 20) + 1, 2**33 - 1, 2**62])


@st.composite
def members(draw: st.DrawFn) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of a good bundle, of which one to three are changed, missing or added."""
    found = [(tarfile.TarInfo(name), content) for name, content in sorted(GOOD.items())]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(found) - 1))
        info, content = found[place]
        changed = tarfile.TarInfo(info.name)
        kind = draw(
            st.sampled_from((*("name", "type", "size", "again", "missing"), *3 * ["content"]))
        )
        if kind == "missing" and len(found) > 1:
            del found[place]
        elif kind in ("name", "again"):
            changed.name = draw(NAMES) if kind == "name" else info.name
            found.insert(draw(st.integers(0, len(found))), (changed, content))
        elif kind == "content":
            found[place] = (changed, draw(CONTENTS))
        elif kind == "type":
            changed.type, changed.linkname = draw(TYPES), draw(NAMES)
            found[place] = (changed, draw(st.sampled_from([b"", content])))
        elif kind == "size":
            changed.size = draw(SIZES)
            found[place] = (changed, content)
    return found


def to_tar(found: list[tuple[tarfile.TarInfo, bytes]], form: Literal[1, 2]) -> bytes:
    """A tar file of any members; headers keep a size that is not that of the content."""
    stream = io.BytesIO()
    for info, content in found:
        info.size = info.size or len(content)
        stream.write(info.tobuf(form, "utf-8", "surrogateescape") + content)
        stream.write(bytes(-len(content) % tarfile.BLOCKSIZE))
    stream.write(bytes(2 * tarfile.BLOCKSIZE))
    stream.write(bytes(-stream.tell() % tarfile.RECORDSIZE))
    return stream.getvalue()


# GNU's and PAX: USTAR cannot say everything, such as the largest sizes.
FORMATS: st.SearchStrategy[Literal[1, 2]] = st.sampled_from((1, 2))

MADE = st.tuples(members(), FORMATS).map(lambda made: to_tar(*made))

# Small files, of which a reader that unpacks them would make many megabytes.
BOMBS = st.sampled_from(
    [compress(bytes(16 << 20)) for compress in (gzip.compress, bz2.compress, lzma.compress)]
)

WHOLE = st.one_of(
    damaged_bytes(PACKED),
    st.sampled_from([gzip.compress(PACKED), bz2.compress(PACKED), lzma.compress(PACKED)]),
    BOMBS,
    st.sampled_from([b"", PACKED + PACKED, PACKED + b"x", bytes(10_240), PACKED[:-512]]),
)


@given(content=st.one_of(MADE, MADE, MADE, WHOLE))
@examples(20, 900)
def test_a_bundle_is_merged_whole_or_refused(content: bytes) -> None:
    with empty_folder() as folder, pytest.MonkeyPatch.context() as patch:
        (folder / "scratch").mkdir()
        patch.setattr(tempfile, "tempdir", str(folder / "scratch"))
        (folder / "bundle.tar").write_bytes(content)
        for name in (store.FILE, store.PREDICTIONS):
            path = folder / "work/results" / PRESENT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((STORED / PRESENT / name).read_bytes())
        before, entries = contents(folder), sorted(folder.rglob("*"))
        done = run_command("merge", "bundle.tar", "--results", "work/results")
        after = contents(folder)
        assert {name: after.get(name) for name in before} == before
        if done.status == 0:
            assert done.err == ""
            assert_whole_runs(Path("work/results"))
            assert all(name.startswith("work/results/") for name in after.keys() - before.keys())
        else:
            assert (done.status, done.out) == (2, "")
            *faults, last = done.err.split("\n")[:-1]
            assert last.startswith("harness: ")
            assert bool(faults) == ("(listed above)" in last)
            assert all(line.isprintable() for line in [*faults, last])
            assert sorted(folder.rglob("*")) == entries


def assert_whole_runs(results: Path) -> None:
    """Every file is a run's, and no rule is broken."""
    assert check(results)[1] == []
    names = {path.name for path in results.rglob("*") if path.is_file()}
    assert names <= {store.FILE, store.PREDICTIONS}
