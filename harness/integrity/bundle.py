"""Pack finished runs into one tar file, and unpack one safely.

A bundle has `record.json` and, unless the run failed, `predictions.txt`, under their paths
relative to the results folder. It has no weights and no images. The same runs give the same bytes.
A bundle to unpack is untrusted: every member is checked before anything is written.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from harness.data.dataset import Dataset
from harness.errors import InputError, UnwritableError
from harness.files import make_directory
from harness.formatting import printable
from harness.integrity.check import Breach, check
from harness.runs import store

# Lower case only, so that no two names clash on a file system that ignores case.
_MEMBER_NAME = re.compile(
    r"[a-z0-9_]+/[a-z0-9-]+/[a-z][a-z0-9_]*/seed-(0|[1-9][0-9]{0,8})/"
    rf"({re.escape(store.FILE)}|{re.escape(store.PREDICTIONS)})"
)

_MAX_MEMBER_BYTES = 16 << 20

_BLOCK = tarfile.BLOCKSIZE


class RefusedError(InputError):
    """Runs that were refused: the message is a summary, `faults` has a line per run or member."""

    def __init__(self, message: str, faults: Sequence[str]) -> None:
        super().__init__(message)
        self.faults = [printable(fault) for fault in faults]


def refuse_breaches(folder: Path, breaches: Sequence[Breach], outcome: str) -> None:
    """Raise an error that lists breaches of the rules of `check`.

    Args:
        folder: paths are printed relative to it.
        breaches: as `check` returns them.
        outcome: what follows, for the message.

    Raises:
        RefusedError: if there are any.
    """
    if breaches:
        raise RefusedError(
            f"{len({b.path for b in breaches})} records break a rule (listed above): {outcome}.",
            [f"{b.path}: {b.rule}: {b.fault}".replace(f"{folder}/", "") for b in breaches],
        )


def pack(results: Path, local_dataset: Dataset | None = None) -> tuple[bytes, int]:
    """Check the runs below a folder and pack them.

    Args:
        results: the results folder, or a folder in it.
        local_dataset: a loaded dataset, for records whose dataset is not a known one.

    Returns:
        The tar file, and its number of runs.

    Raises:
        InputError: if there is no record, or another one than those checked, or two types of device
            have the same run.
        RefusedError: if a record breaks a rule of `check`.
    """
    before = {path: path.read_bytes() for path in store.find(results)}
    count, breaches = check(results, local_dataset)
    if not count:
        raise InputError(f"no record below {results}: train something with run first.")
    refuse_breaches(results, breaches, "repair or remove them, then run bundle again")
    files: dict[str, bytes] = {}
    if {path: path.read_bytes() for path in store.find(results)} != before:
        raise InputError("a run ended or was removed meanwhile: run bundle again.")
    for path in before:
        record = store.load(path)
        folder = store.directory(Path(), record.protocol, record.variant, record.seed)
        names = (store.FILE,) if record.failed else (store.FILE, store.PREDICTIONS)
        if f"{folder.as_posix()}/{store.FILE}" in files:
            raise InputError(
                f"two types of device have a run {folder}: bundle the folder of one of them, such "
                "as --results results/cifar10."
            )
        files |= {
            f"{folder.as_posix()}/{name}": (path.parent / name).read_bytes() for name in names
        }
    return _to_tar(files), count


def _to_tar(files: dict[str, bytes]) -> bytes:
    """Write a tar file whose bytes depend only on names and contents."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)  # mode 0644, no owner, made in 1970
            info.size = len(content)
            if error := _member_error(info):
                raise InputError(f"cannot bundle {error}.")
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def unpack(bundle: Path, folder: Path) -> list[str]:
    """Unpack a bundle after checking the name, type and size of every member.

    Args:
        bundle: the file; untrusted.
        folder: an empty folder.

    Returns:
        The folders of the runs, as `<dataset>/<protocol>/<variant>/seed-<n>`, sorted.

    Raises:
        InputError: if the file cannot be read or is damaged.
        RefusedError: if a member is not allowed in a bundle; nothing is unpacked then.
        UnwritableError: if a member cannot be written.
    """
    try:
        with bundle.open("rb") as stream:
            members = _members(stream, bundle)
            for info in members:
                stream.seek(info.offset_data)
                _write(folder / info.name, stream.read(info.size))
    except OSError as error:
        raise InputError(f"{bundle} cannot be read ({error.strerror}).") from error
    return sorted({info.name.rpartition("/")[0] for info in members})


def _write(path: Path, content: bytes) -> None:
    make_directory(path.parent)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UnwritableError(f"cannot write {path} ({error.strerror}).") from error


def _members(stream: BinaryIO, bundle: Path) -> list[tarfile.TarInfo]:
    """Read the headers of all members; raise at the first that is not allowed.

    `tarfile.open` is not used, because it follows extended headers before they can be refused,
    takes a damaged header for the end of the file, which would silently drop runs, and applies
    what else a header says, such as a time.
    """
    members: dict[str, tarfile.TarInfo] = {}
    for info in _member_headers(stream, bundle):
        twice = info.name in members
        error = f"{info.name}: appears twice" if twice else _member_error(info)
        if error:  # the bytes after an invalid header may not be a header
            raise _refused_members(bundle, [error])
        members[info.name] = info
    orphans = [
        f"{name}: no {store.FILE} in its folder"
        for name in sorted(members)
        if f"{name.rpartition('/')[0]}/{store.FILE}" not in members
    ]
    if orphans:
        raise _refused_members(bundle, orphans)
    if not members:
        raise InputError(f"{bundle} has no runs.")
    return list(members.values())


def _member_headers(stream: BinaryIO, bundle: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the header of each member, with the offset of its content; check the file's end."""
    size = stream.seek(0, io.SEEK_END)
    offset = 0
    while True:
        stream.seek(offset)
        block = stream.read(_BLOCK)
        if not block.strip(b"\0"):
            break
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise _damaged_bundle(bundle, f"{error} at byte {offset}") from error
        info.offset_data = offset + _BLOCK
        yield info
        offset += _BLOCK + -(-info.size // _BLOCK) * _BLOCK
        if offset > size:
            raise _damaged_bundle(bundle, "it is cut short")
    stream.seek(offset)
    rest = stream.read(tarfile.RECORDSIZE + 1)
    if len(rest) < 2 * _BLOCK or rest.strip(b"\0"):
        cut = len(rest) < 2 * _BLOCK
        raise _damaged_bundle(bundle, "it is cut short" if cut else "it has data after its end")


def _member_error(info: tarfile.TarInfo) -> str | None:
    """Return why a member is not allowed in a bundle, None if it is."""
    if info.type != tarfile.REGTYPE:
        return f"{info.name}: not a regular file"
    if not _MEMBER_NAME.fullmatch(info.name):
        return f"{info.name}: not the name of a record or of predictions"
    if not 0 <= info.size <= _MAX_MEMBER_BYTES:
        return f"{info.name}: {info.size} bytes, over the limit of {_MAX_MEMBER_BYTES}"
    return None


def _refused_members(bundle: Path, faults: Sequence[str]) -> RefusedError:
    return RefusedError(
        f"{bundle} has members that are not allowed (listed above): nothing was merged.", faults
    )


def _damaged_bundle(bundle: Path, why: str) -> InputError:
    return InputError(
        f"{bundle} is damaged or not a bundle ({why}): nothing was merged. "
        "Download or create it again; decompress it first if it is compressed."
    )
