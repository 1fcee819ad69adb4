"""Saving and loading of checkpoints: whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.training import checkpoint

STATE = {"epoch": 1, "model": {}, "history": []}

IDENTITY = {"seed": 0, "protocol": {"epochs": 3, "decay_at": (0.6, 0.85)}}


def test_the_two_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 5):
        checkpoint.save(tmp_path, IDENTITY, {**STATE, "epoch": epoch})
    names = sorted(p.name[:11] for p in tmp_path.rglob("*.pt"))
    assert names == ["epoch-00003", "epoch-00004"]
    state = checkpoint.load(tmp_path, IDENTITY)
    assert state is not None
    assert state["epoch"] == 4


@pytest.mark.parametrize(
    "tear", [lambda c: c[:-1], lambda c: b"", lambda c: c[:50] + b"?" + c[51:]]
)
def test_a_torn_checkpoint_is_passed_over(tear: Callable[[bytes], bytes], tmp_path: Path) -> None:
    for epoch in (1, 2):
        checkpoint.save(tmp_path, IDENTITY, {**STATE, "epoch": epoch})
    newest = max(tmp_path.rglob("*.pt"))
    newest.write_bytes(tear(newest.read_bytes()))
    state = checkpoint.load(tmp_path, IDENTITY)
    assert state is not None
    assert state["epoch"] == 1


def test_a_checkpoint_of_another_run_is_refused_with_what_changed(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, IDENTITY, STATE)
    changed = {"seed": 0, "protocol": {**IDENTITY["protocol"], "epochs": 4}}  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"protocol\.epochs was 3 and is 4"):
        checkpoint.load(tmp_path, changed)


def test_no_checkpoint_means_a_fresh_start(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, IDENTITY) is None


def test_a_checkpoint_follows_every_epoch_of_a_second_or_more() -> None:
    assert checkpoint.MIN_INTERVAL_SECONDS == 1.0  # as docs/trust.md says
