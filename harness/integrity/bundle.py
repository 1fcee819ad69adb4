"""Finished runs in one tar file: how results travel between machines.

A bundle holds `record.json` and, of a run that did not fail, `predictions.txt`, under the names
that they have below the results folder. Weights and images stay where they are. The same runs
give the same bytes. Reading one trusts nothing: it may come from anywhere.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from harness.data.dataset import Dataset
from harness.errors import InputError
from harness.integrity.check import Breach, check
from harness.runs import store

# Lower case alone, so that no two names are one file where the file system ignores case.
_MEMBER = re.compile(
    r"[a-z0-9_]+/[a-z0-9-]+/[a-z][a-z0-9_]*/seed-(0|[1-9][0-9]{0,8})/"
    rf"({re.escape(store.FILE)}|{re.escape(store.PREDICTIONS)})"
)

_MEMBER_BYTES = 16 << 20

_BLOCK = tarfile.BLOCKSIZE


class RefusedError(InputError):
    """Runs that are not taken: the message sums up, `faults` has a line for each."""

    def __init__(self, message: str, faults: Sequence[str]) -> None:
        super().__init__(message)
        self.faults = [shown(fault) for fault in faults]


def shown(text: str, limit: int = 300) -> str:
    """A text from elsewhere as a terminal may have it: one short line, no control characters."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: limit + 1])
    return line if len(line) <= limit else line[:limit] + "..."


def refuse_breaches(folder: Path, breaches: Sequence[Breach], outcome: str) -> None:
    """Name each breach of a rule of `check` by the place below `folder`.

    Raises:
        RefusedError: if there is one.
    """
    if breaches:
        raise RefusedError(
            f"{len({b.path for b in breaches})} records break a rule (named above): {outcome}.",
            [f"{b.path}: {b.rule}: {b.fault}".replace(f"{folder}/", "") for b in breaches],
        )


def pack(results: Path, own: Dataset | None = None) -> tuple[bytes, int]:
    """Check the runs below a folder and pack them.

    Args:
        results: the results folder, or a part of it.
        own: a dataset that is at hand, for records on data that are not known otherwise.

    Returns:
        The tar file, and how many runs it holds.

    Raises:
        InputError: if there is no record.
        RefusedError: if a record breaks a rule of `check`.
    """
    count, breaches = check(results, own)
    if not count:
        raise InputError(f"no record below {results}: train something with run first.")
    refuse_breaches(results, breaches, "mend or remove them, then bundle again")
    files: dict[str, bytes] = {}
    for path in store.find(results):
        run = store.load(path)
        place = store.directory(Path(), run.protocol, run.variant, run.seed)
        names = (store.FILE,) if run.failed else (store.FILE, store.PREDICTIONS)
        files |= {f"{place.as_posix()}/{name}": (path.parent / name).read_bytes() for name in names}
    return _tar(files), count


def _tar(files: dict[str, bytes]) -> bytes:
    """A tar file whose bytes depend on names and contents alone."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)  # mode 0644, no owner, made in 1970
            info.size = len(content)
            if fault := _fault(info):
                raise InputError(f"cannot be bundled: {fault}.")
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def unpack(bundle: Path, folder: Path) -> list[str]:
    """Unpack a bundle whose every member is what a bundle may hold.

    Args:
        bundle: a file from anywhere.
        folder: an empty folder.

    Returns:
        The folders of the runs, as `<dataset>/<protocol>/<variant>/seed-<n>`, sorted.

    Raises:
        InputError: if the file cannot be read or is damaged.
        RefusedError: naming a member that no bundle has; nothing is unpacked then.
    """
    try:
        with bundle.open("rb") as stream:
            names = _names(stream, bundle)
            stream.seek(0)
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                tar.extractall(folder, filter="data")
    except OSError as error:
        raise InputError(f"{bundle} cannot be read ({error.strerror}).") from error
    except tarfile.TarError as error:
        raise _damaged(bundle, shown(str(error))) from error
    return sorted({name.rpartition("/")[0] for name in names})


def _names(stream: BinaryIO, bundle: Path) -> list[str]:
    """Names of all members; raises at the first that may not be there.

    Not with `tarfile.open`: it follows extended headers before anyone can refuse them, and
    takes a damaged header for the end of the file, so that runs would be missing silently.
    """
    names: set[str] = set()
    for info in _headers(stream, bundle):
        fault = f"{info.name}: there twice" if info.name in names else _fault(info)
        if fault:  # what follows a strange header need not be one
            raise _refused(bundle, [fault])
        names.add(info.name)
    halves = [
        f"{name}: no {store.FILE} beside it"
        for name in sorted(names)
        if f"{name.rpartition('/')[0]}/{store.FILE}" not in names
    ]
    if halves:
        raise _refused(bundle, halves)
    if not names:
        raise InputError(f"{bundle} holds no run.")
    return sorted(names)


def _headers(stream: BinaryIO, bundle: Path) -> Iterator[tarfile.TarInfo]:
    """The header of each member, to a proper end of the file."""
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
            raise _damaged(bundle, f"{error} at byte {offset}") from error
        yield info
        offset += _BLOCK + -(-info.size // _BLOCK) * _BLOCK
        if offset > size:
            raise _damaged(bundle, "it is cut short")
    stream.seek(offset)
    rest = stream.read(tarfile.RECORDSIZE + 1)
    if len(rest) < 2 * _BLOCK or rest.strip(b"\0"):
        raise _damaged(bundle, "it is cut short" if len(rest) < 2 * _BLOCK else "it has a tail")


def _fault(info: tarfile.TarInfo) -> str | None:
    """Why a bundle may not hold this member."""
    if info.type != tarfile.REGTYPE:
        return f"{info.name}: not a regular file"
    if not _MEMBER.fullmatch(info.name):
        return f"{info.name}: not the name of a record or of predictions"
    if not 0 <= info.size <= _MEMBER_BYTES:
        return f"{info.name}: {info.size} bytes, over the limit of {_MEMBER_BYTES}"
    return None


def _refused(bundle: Path, faults: Sequence[str]) -> RefusedError:
    return RefusedError(
        f"{bundle} holds what no bundle has (named above): nothing was taken in.", faults
    )


def _damaged(bundle: Path, why: str) -> InputError:
    return InputError(
        f"{bundle} is no bundle or a damaged one ({why}): nothing was taken in. "
        "Fetch or make it again; a compressed one has to be unpacked first."
    )
