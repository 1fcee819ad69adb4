"""The layout of the code: who may import whom, and how large a package and a file may become."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

MAX_MODULES = 12
MAX_LINES = 280


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter of this environment on the packages in a folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A copy of the packages and of what is forbidden between them."""
    for name in ("harness", "variants"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_are_as_the_contracts_say(packages: Path) -> None:
    done = lint_imports(packages)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


# (module, what it must not import, beginning of the contract's name)
FORBIDDEN = [
    ("harness.analysis.stats", "harness.training.seeding", "one way"),
    ("harness.training.metrics", "harness.analysis.stats", "one way"),
    ("harness.runs.store", "harness.training.trainer", "one way"),
    ("harness.sweep.grid", "harness.analysis.stats", "what trains"),
    ("harness.verdict.study", "harness.training.seeding", "what judges"),
    ("harness.report.answer", "harness.data.source", "what judges"),
    ("harness.sweep.slurm.queue", "harness.sweep.local.supervisor", "engines"),
    ("variants.spec", "harness.errors", "variants know no harness"),
    ("harness.report.answer", "harness.report.pages.html", "inside report"),
]


def test_forbidden_imports_are_found(packages: Path) -> None:
    for module, imported, _ in FORBIDDEN:
        with (packages / f"{module.replace('.', '/')}.py").open("a") as stream:
            stream.write(f"\n\ndef later() -> None:\n    import {imported}\n")
    done = lint_imports(packages)
    assert done.returncode == 1
    summary, details = done.stdout.split("Broken contracts", 1)
    broken = [line for line in summary.splitlines() if " BROKEN" in line]
    for module, imported, contract in FORBIDDEN:
        assert any(line.startswith(contract) for line in broken), done.stdout
        of_contract = details[details.index(f"\n{contract}") :]
        assert f"{module} -> {imported}" in of_contract, done.stdout
    assert len(broken) == len({contract for _, _, contract in FORBIDDEN})


def test_no_package_has_more_modules_than_one_can_overlook() -> None:
    modules = [p for p in (ROOT / "harness").rglob("*.py") if p.name != "__init__.py"]
    sizes = Counter(path.parent.relative_to(ROOT).as_posix() for path in modules)
    assert sizes["harness/training"] > 1
    assert {k: n for k, n in sizes.items() if n > MAX_MODULES} == {}


def test_no_file_is_too_long_to_do_one_thing() -> None:
    paths = [*(ROOT / "harness").rglob("*.py"), *(ROOT / "variants").rglob("*.py")]
    lines = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in paths}
    assert lines["harness/training/trainer.py"] > 1
    assert {k: n for k, n in lines.items() if n > MAX_LINES} == {}
