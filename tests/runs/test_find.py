"""Finding records below a folder: behind links, once each, and none left out in silence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.runs import store
from harness.runs.record import RunRecord

Train = Callable[..., RunRecord]


def test_records_behind_a_link_are_found_once(train: Train, tmp_path: Path) -> None:
    train(epochs=1)
    (path,) = store.find(tmp_path)
    for name, target in (("a", path.parent), ("z", path.parents[1]), ("up", tmp_path)):
        (tmp_path / name).symlink_to(target)
    assert list(store.find(tmp_path)) == [path]  # not by a link, as long as another way is there
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "up").symlink_to(linked)
    (linked / "elsewhere").symlink_to(path.parents[1])
    (found,) = store.find(linked)
    assert found.is_relative_to(linked / "elsewhere")


def test_a_folder_that_cannot_be_read_is_named_and_one_that_is_removed_is_not(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(epochs=1)
    listed = os.scandir
    error: OSError = PermissionError(13, "Permission denied", "seed-0")

    def scandir(folder: str) -> object:
        if str(folder).endswith("seed-0"):
            raise error
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match=r"seed-0 cannot be read \(Permission denied\)"):
        list(store.find(tmp_path))
    assert store.load_all(tmp_path) == ([], ["seed-0 cannot be read (Permission denied)."])
    error = FileNotFoundError(2, "No such file or directory", "seed-0")
    assert list(store.find(tmp_path)) == []
