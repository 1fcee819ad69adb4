"""The commit of the checkout that trains, and whether it has changes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.training import environment


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """As if no test had asked for the commit yet, and no later one either."""
    environment.code.cache_clear()
    yield
    environment.code.cache_clear()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git checkout with one commit, in the place of this one."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    (tmp_path / "code.py").write_text("a = 1\n")
    (tmp_path / "results").mkdir()
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "a")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def commit_of(checkout: Path) -> str:
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_checkout_without_changes_is_clean(checkout: Path) -> None:
    assert environment.code() == {"commit": commit_of(checkout), "dirty": False}


@pytest.mark.parametrize(
    ("file", "dirty"), [("code.py", True), ("new.py", True), ("results/record.json", False)]
)
def test_changes_count_but_for_results(file: str, dirty: bool, checkout: Path) -> None:
    (checkout / file).write_text("b = 2\n")
    assert environment.code() == {"commit": commit_of(checkout), "dirty": dirty}


def test_a_commit_made_while_a_process_trains_is_not_taken_for_its_code(checkout: Path) -> None:
    trained = commit_of(checkout)
    assert environment.code()["commit"] == trained
    (checkout / "code.py").write_text("b = 2\n")
    assert environment.code() == {"commit": trained, "dirty": False}


def test_outside_a_checkout_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path / "none")
    assert environment.code() == {"commit": None, "dirty": None}
