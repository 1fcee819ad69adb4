"""`check --against` and `compare`: what they say of runs compared with reference runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.analysis.compatibility import reference, sentences
from harness.cli import app
from harness.integrity import check as integrity_check
from harness.runs import store
from tests.helpers.judged_studies import comparison_text
from tests.helpers.records import make_record
from tests.helpers.reference_runs import runs

Check = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """Run `check results` in this process: exit status, lines after the rules, errors."""

    def command(*arguments: str) -> tuple[int, list[str], str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["harness", "check", "results", *arguments])
        with pytest.raises(SystemExit) as end:
            app.main()
        shown = capsys.readouterr()
        after = shown.out.splitlines()[-len(list(store.find(Path("results")))) - 2 :]
        first = next((n for n, line in enumerate(after) if "break a rule" in line), -1)
        return int(end.value.code or 0), after[first + 1 :], shown.err

    return command


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder `sound` with reference runs, `results` with one compatible run, and no rules: these
    records have no predictions."""
    monkeypatch.setattr(integrity_check, "RULES", ())
    for run in runs():
        store.save(tmp_path / f"sound/seed-{run.seed}", run)
    store.save(tmp_path / "results/a", runs((749,), first_seed=40)[0])
    return tmp_path


COMPATIBLE = (
    r"results/a: compatible with 6 reference runs in 13 figures; a true difference of "
    r"\d\.\d points in accuracy would be found with 80 % probability"
)


def test_check_compares_with_a_folder(check: Check, stored: Path) -> None:
    status, lines, error = check("--against", "sound")
    assert (status, error) == (0, "")
    assert re.fullmatch(COMPATIBLE, lines[0])
    assert lines[1:] == ["1 run compared with reference runs: 1 compatible"]
    store.save(stored / "results/b", runs((500,), first_seed=41)[0])
    store.save(stored / "results/c", make_record("baseline", 0))
    store.save(stored / "results/d", make_record("paper", 7, failed=True))
    status, lines, error = check("--against", "sound")
    assert re.fullmatch(COMPATIBLE, lines[0])
    assert lines[1].startswith("results/b: NOT COMPATIBLE with 6 reference runs: accuracy is 50.00")
    assert lines[2:] == [
        "results/c: not compared: 0 reference runs, at least 5 are needed",
        "results/d: not compared: the run failed, or its settings are damaged",
        "2 runs compared with reference runs: 1 compatible, 1 NOT COMPATIBLE (of sound runs, up to "
        "5 % are); 1 not compared: too few reference runs",
    ]
    assert status == 1
    assert error == "harness: 1 run not compatible with the reference runs (listed above).\n"


def test_check_with_a_folder_applies_the_rules_as_before(
    check: Check, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    status, lines, error = check("--against", str(stored / "sound"))
    assert status == 1
    assert re.fullmatch(COMPATIBLE, lines[0])
    assert error == "harness: 1 of 1 record break a rule (listed above).\n"


def test_damaged_records_are_skipped(check: Check, stored: Path) -> None:
    (stored / "sound/seed-0/record.json").write_text("{}")
    (stored / "results/b").mkdir()
    (stored / "results/b/record.json").write_text("{}")
    status, lines, error = check("--against", "sound")
    assert status == 1
    assert lines[0].startswith("results/a: compatible with 5 reference runs")
    assert "skipped: sound/seed-0/record.json is damaged" in error
    assert "1 of 2 records break a rule" in error


def test_check_with_a_folder_without_runs_is_one_line(check: Check, stored: Path) -> None:
    (stored / "empty").mkdir()
    for folder in ("empty", "missing"):
        status, _, error = check("--against", folder)
        assert status == 2
        assert error.count("\n") == 1
        assert error.startswith(f"harness: no finished run below {folder}: give --against ")


def test_check_compares_with_the_runs_of_the_package(
    check: Check, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = stored / "reference_runs.csv"
    original = reference.load_csv
    monkeypatch.setattr(reference, "load_csv", lambda: original(file))
    file.write_bytes(reference.to_csv([]))
    status, lines, error = check("--against", "reference")
    assert (status, lines, error) == (0, [sentences.NO_REFERENCE], "")
    filled = stored / "filled.csv"
    filled.write_bytes(reference.to_csv(runs()))
    monkeypatch.setattr(reference, "load_csv", lambda: original(filled))
    status, lines, error = check("--against", "reference")
    assert (status, error) == (0, "")
    assert re.fullmatch(COMPATIBLE, lines[0])


def test_compare_has_a_line_on_comparable_runs_only() -> None:
    ours, others = runs(), reference.from_records(runs())
    assert "reference run" not in comparison_text(ours)
    assert "reference run" not in comparison_text(ours, reference=others)  # these very runs
    away = [make_record("paper", 8, 700), make_record("baseline", 0, 700)]
    text = comparison_text([*ours, *away], reference=others)
    assert "1 run compared with reference runs: 0 compatible, 1 NOT COMPATIBLE" in text
    assert "6 runs of the reference itself; 1 not compared: too few reference runs." in text
