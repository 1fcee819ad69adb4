"""Variants from a user's file: they train, list and check like the package's own."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import variants
from tests.helpers.paths import ROOT

Harness = Callable[..., subprocess.CompletedProcess[str]]

SHORT = ("--dataset", "digits", "--epochs", "1", "--precision", "fp32", "--no-figures")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file that CONTRIBUTING shows."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    path = tmp_path / "my_variants.py"
    path.write_text(page[page.index("# my_variants.py") :].partition("```")[0])
    return path


@pytest.mark.parametrize("engine", [("run",), ("sweep", "--workers", "2", "--device", "cpu")])
def test_they_train_and_pass_check(
    engine: tuple[str, ...], file: Path, harness: Harness, tmp_path: Path
) -> None:
    done = harness(*engine, "--variants-from", file.name, "--variant", "own,paper", *SHORT)
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("record.json")]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    found = {r["variant"]: (r["family"], r["code"].get("variants_sha256")) for r in records}
    assert found == {
        "dropout_10": ("own", digest),
        "dropout_30": ("own", digest),
        "paper": ("ablations", None),
    }
    assert "variants_sha256" not in next(r for r in records if r["variant"] == "paper")["code"]
    assert harness("check").stdout == "3 records checked; 0 break a rule\n"
    assert "| dropout_30 " in harness("compare").stdout


def test_they_can_be_searched_and_cross_validated(
    file: Path, harness: Harness, tmp_path: Path
) -> None:
    options = ("--variants-from", file.name, "--variant", "dropout_30", *SHORT[:-1])
    space = ("--sampler", "grid", "--space", "learning_rate=0.01/0.02")
    for command in (("search", *space), ("cross-validate", "--folds", "2")):
        done = harness(*command, *options)
        assert done.returncode == 0, done.stderr
        if command[0] == "search":  # the entry belongs into the same file
            _, _, entry = done.stdout.partition("in my_variants.py:\n")
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("record.json")]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert [record["code"]["variants_sha256"] for record in records] == [digest] * 4
    assert {record["settings"]["dropout"] for record in records} == {0.3}
    assert harness("check").stdout == "4 records checked; 0 break a rule\n"
    with file.open("a") as stream:
        stream.write(entry)
    assert "dropout_30_tuned" in harness("list", "--variants-from", file.name).stdout


def test_a_search_of_a_variant_of_the_package_names_the_catalog(
    file: Path, harness: Harness
) -> None:
    space = ("--sampler", "grid", "--space", "learning_rate=0.01")
    done = harness("search", "--variants-from", file.name, *space, *SHORT[:-1])
    assert done.returncode == 0, done.stderr
    assert "in variants/catalog.py:\n\nregister(\n    PAPER.derive(" in done.stdout


def test_a_record_without_the_hash_of_its_file_breaks_a_rule(
    file: Path, harness: Harness, tmp_path: Path
) -> None:
    assert harness("run", "--variants-from", file.name, "--variant", "own", *SHORT).returncode == 0
    path = next(tmp_path.rglob("dropout_30/seed-0/record.json"))
    record = json.loads(path.read_text())
    del record["code"]["variants_sha256"]
    path.write_text(json.dumps(record, indent=1) + "\n")
    checked = harness("check")
    assert checked.returncode == 1
    assert "no variant 'dropout_30' is registered" in checked.stdout


def test_an_augmentation_that_the_protocol_lacks_is_refused(
    file: Path, harness: Harness, tmp_path: Path
) -> None:
    derived = 'derive("flipped", "flips alone", augmentation="flip")'
    file.write_text(f'from variants import get, register\nregister(get("paper").{derived})\n')
    options = ("--variants-from", file.name, "--variant", "flipped", *SHORT)
    refused = harness("run", *options)
    shown = harness("show", "flipped", "--variants-from", file.name)
    for ended in (refused, shown):
        assert ended.returncode == 2
        assert ended.stderr == (
            "harness: flipped has augmentation 'flip', which the protocol does not define: "
            "use none, standard, geometric.\n"
        )
    assert not list(tmp_path.rglob("seed-*"))


def test_they_are_listed_and_shown(file: Path, harness: Harness) -> None:
    assert "own         dropout_30" in harness("list", "--variants-from", file.name).stdout
    shown = harness("show", "dropout_30", "--variants-from", file.name).stdout
    assert shown.startswith("dropout_30 (own): dropout 0.30\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def", "my_variants.py: SyntaxError: invalid syntax"),
        ("x = 1\n1 / 0", "my_variants.py, line 2: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "my_variants.py, line 1: SystemExit: 3"),
        ("x = 1", "my_variants.py registers no variant: call `variants.register` in it."),
        (
            "import variants as v\nv.register(v.get('paper'))",
            "line 2: ValueError: a variant named 'paper' is already registered",
        ),
        (
            "import variants as v\nv.register(v.get('paper').derive('a', 'b', dropout=2))",
            "line 2: ValueError: a: dropout is 2, not in [0, 1)",
        ),
        (
            "import variants as v\nv.register(v.get('paper').derive('a', 'b', speed=2))",
            "line 2: TypeError: Variant.__init__() got an unexpected keyword argument 'speed'",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    text: str, message: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    before = variants.names()
    (tmp_path / "my_variants.py").write_text(text)
    assert message in refused("list", "--variants-from", "my_variants.py")
    assert variants.names() == before


def test_a_missing_file_and_an_empty_family_are_one_line(refused: Callable[..., str]) -> None:
    missing = refused("run", "--variants-from", "gone.py", "--variant", "own")
    assert "gone.py cannot be read (No such file or directory)." in missing
    assert "give your file with --variants-from" in refused("run", "--variant", "own", *SHORT)
