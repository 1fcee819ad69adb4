"""`compare`, `audit` and `verdict` on 500 stored records, run in subprocesses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import variants
from harness.protocol import decision
from harness.runs import store as runs_store
from tests.helpers import commands
from tests.helpers.records import make_history, make_record

Harness = Callable[..., subprocess.CompletedProcess[str]]


def store(results: Path, count: int = 500) -> None:
    """Records of all variants at several budgets, with curves of as many epochs."""
    source = np.random.default_rng(4)
    for number in range(count):
        index, name = number % 8, variants.names("ablations")[number % 8]
        budget, seed = (20, 40, 90)[number // 8 % 3], number // 24
        right = round(751 - 6 * index + source.normal(0, 3))
        run = make_record(
            name,
            seed,
            right,
            protocol={"epochs": budget},
            failed=number % 97 == 0,
            history=make_history(np.linspace(0.3, right / 1000, budget).tolist()),
            decision_sha256=decision.sha256(),
        )
        runs_store.save(results / str(budget) / name / f"seed-{seed}", run)


@pytest.fixture(scope="module")
def five_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("grid") / "results"
    store(results)
    return results


@pytest.mark.parametrize(
    "command",
    [
        ("compare",),
        ("compare", "--full", "--format", "json"),
        ("verdict",),
        ("verdict", "--format", "json"),
        ("audit",),
    ],
)
def test_another_process_without_torch_gives_the_same_bytes(
    command: tuple[str, ...], five_hundred: Path, harness: Harness, tmp_path: Path
) -> None:
    options = () if command[0] == "audit" else ("--results", str(five_hundred))
    first = harness(*command, *options)
    # Its import alone takes longer than the answer.
    (tmp_path / "torch.py").write_text("raise ImportError('torch was imported')\n")
    second = commands.run_fresh(tmp_path, *command, *options, PYTHONHASHSEED="7")
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert len(first.stdout) > 1000


def test_the_files_of_compare_are_those_of_the_pages_whatever_it_prints(
    harness: Harness, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    store(results, count=48)
    files = [results / "comparison.md", results / "comparison.csv"]
    printed = [harness("compare").stdout]
    before = [file.read_bytes() for file in files]
    printed.append(harness("compare", "--baseline", "batch_norm").stdout)
    assert "vs our batch_norm" in printed[1]
    assert "vs our batch_norm" not in printed[0]
    assert [file.read_bytes() for file in files] == before


def test_audit_writes_json_to_a_file(harness: Harness, tmp_path: Path) -> None:
    done = harness("audit", "--format", "json", "--output", "out/audit.json")
    assert (done.returncode, done.stdout) == (0, "")
    audit = json.loads((tmp_path / "out/audit.json").read_text())
    assert [d["from_matrix"] for d in audit["disagreements"]] == [0.8648]


def test_a_damaged_record_is_named_and_the_rest_is_judged(harness: Harness, tmp_path: Path) -> None:
    store(tmp_path / "results", 48)
    next((tmp_path / "results").rglob("record.json")).write_text("{")
    done = harness("verdict")
    assert done.returncode == 2
    assert "record.json is damaged" in done.stderr
    assert "1 record could not be read." in done.stdout
    assert "### Variants, test images" in done.stdout


@pytest.mark.parametrize("command", ["compare", "verdict"])
def test_without_records_there_is_one_line_and_exit_2(command: str, harness: Harness) -> None:
    done = harness(command)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no results folder" in done.stderr
