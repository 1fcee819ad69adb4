"""Writing files: whole or not at all, also after a loss of power."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harness.errors import UnwritableError
from harness.files import partial_files, write_atomically


def test_content_reaches_the_disk_before_the_name_does_and_then_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "below" / "record.json"
    events: list[str] = []
    replace = os.replace

    def sync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        events.append("folder" if is_folder else f"{os.fstat(descriptor).st_size} bytes")

    def rename(source: str, target: Path) -> None:
        events.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    write_atomically(path, b"content")
    assert events == ["7 bytes", "rename", "folder"]
    assert path.read_bytes() == b"content"


def test_a_failed_write_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableError, match=r"record.json \(No space left on device\)"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(partial_files(path)) == []
