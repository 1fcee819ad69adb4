"""`verify` on the command line: a run is repeated with the threads that it had."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.helpers.small_runs import FOLDER

Harness = Callable[..., subprocess.CompletedProcess[str]]


def test_verify_repeats_a_run_with_the_threads_that_it_had(
    small: tuple[str, ...], harness: Harness
) -> None:
    trained = harness(*small, "--variant", "paper", "--no-figures", OMP_NUM_THREADS="1")
    assert trained.returncode == 0, trained.stderr
    run = f"{FOLDER}/paper/seed-0"
    done = harness("verify", run, OMP_NUM_THREADS="")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("equal bit for bit")
    other_threads = harness("verify", run, OMP_NUM_THREADS="2")
    assert other_threads.returncode == 0
    assert "environment variables.OMP_NUM_THREADS was 1 and is 2" in other_threads.stdout


def test_an_empty_variable_counts_as_unset_in_a_repetition(
    small: tuple[str, ...], harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert harness(*small, "--variant", "paper", "--no-figures").returncode == 0
    done = harness("verify", f"{FOLDER}/paper/seed-0", OMP_NUM_THREADS="")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("equal bit for bit")
