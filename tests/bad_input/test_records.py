"""Damaged records: a record that can be used, or one line that names the file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.analysis import calibration, calibration_record
from harness.analysis.calibration import Calibration
from harness.errors import InputError
from harness.runs import store
from harness.runs.record import DamagedRecordError, RunRecord
from harness.sweep.grid import Capacity
from tests.helpers.in_process import Outcome, contents, empty_folder, run_command
from tests.helpers.paths import ROOT
from tests.helpers.properties import damaged_bytes, examples, mutated_json
from tests.helpers.records import make_history, make_record

STORED = ROOT / "tests/stored/digits"

RUN = "1-epochs-fp32/paper/seed-0"

# Of a variant with a run for each seed of the first look, and of the one it is compared with.
VARIANTS = ("paper", "no_augmentation")

MADE = {
    f"{variant}/seed-{seed}": store.to_bytes(
        make_record(variant, seed, 700 + 3 * seed, history=make_history([0.3, 0.5, 0.7]))
    )
    for variant in VARIANTS
    for seed in range(5)
}

PLACE = "paper/seed-0"


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes of a record, damaged as bytes or in its fields."""
    return st.one_of(*3 * [mutated_json(json.loads(content))], damaged_bytes(content))


RECORDS = damaged(MADE[PLACE])

STORED_RECORDS = damaged((STORED / RUN / store.FILE).read_bytes())


def made_with(path: str, value: Any) -> bytes:
    """A record with another value of one field, such as "metrics.accuracy"."""
    fields = json.loads(MADE[PLACE])
    *parents, last = path.split(".")
    inner = fields
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return json.dumps(fields, indent=1).encode()


def assert_faults_then_one_line(done: Outcome) -> None:
    """Nothing on stderr of a success; a refusal is one line after those on skipped files."""
    lines = done.err.splitlines()
    assert done.err.count("\n") == len(lines)
    assert done.status in (0, 1, 2)
    if done.status == 0:
        assert lines == []
    else:
        *skipped, last = lines
        assert last.startswith("harness: ")
        assert all(line.startswith("skipped: ") for line in skipped)


def write_results(folder: Path, record: bytes) -> None:
    """A results folder with a damaged record among good ones."""
    for name, made in MADE.items():
        (folder / name).mkdir(parents=True)
        (folder / name / store.FILE).write_bytes(record if name == PLACE else made)


@given(content=st.one_of(RECORDS, STORED_RECORDS))
@example(content=made_with("version", "a\nb"))
@examples(80, 2_000)
def test_a_record_is_loaded_or_named_in_one_line(content: bytes) -> None:
    with empty_folder():
        path = Path(store.FILE)
        path.write_bytes(content)
        try:
            assert isinstance(store.load(path), RunRecord)
        except DamagedRecordError as error:
            message = str(error)
            assert message.startswith((f"{path} is damaged (", f"{path} is of version "))
            assert len(message.splitlines()) == 1
            assert message.isprintable()


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex"])
@given(content=RECORDS)
@example(content=made_with("metrics.per_class.cat.recall", 1e308))
@examples(3, 150)
def test_compare_writes_whole_tables_or_none(form: str, content: bytes) -> None:
    with empty_folder() as folder:
        write_results(folder / "results", content)
        before = contents(folder)
        done = run_command("compare", "--format", form, "--output", "table")
        after = contents(folder)
        assert_faults_then_one_line(done)
        assert done.out == ""
        names = {"table", "results/comparison.md", "results/comparison.csv"}
        # The other records can be compared, so that a damaged one is left out.
        assert after.keys() - before.keys() == names
        assert {name: after[name] for name in before} == before
        assert_whole(after["table"], form)
        assert_whole(after["results/comparison.csv"], "csv")
        assert_whole(after["results/comparison.md"], "markdown")


def assert_whole(content: bytes, form: str) -> None:
    """A table ends as its format does."""
    text = content.decode()
    assert text.endswith("\n")
    if form == "json":
        assert json.loads(text)
    if form == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(text))}) == 1


@pytest.mark.parametrize("form", ["markdown", "json"])
@given(content=RECORDS)
@example(content=made_with("metrics.accuracy", 7.5))
@example(content=made_with("dataset.test_size", 10**400))
@examples(4, 250)
def test_verdict_judges_the_other_records(form: str, content: bytes) -> None:
    with empty_folder() as folder:
        write_results(folder / "results", content)
        before = contents(folder)
        done = run_command("verdict", "--format", form)
        assert_faults_then_one_line(done)
        assert_whole(done.out.encode(), form)
        assert contents(folder) == before


@pytest.mark.parametrize("command", ["compare", "verdict"])
@given(content=RECORDS)
@examples(4, 100)
def test_a_folder_of_one_record_is_judged_or_refused(command: str, content: bytes) -> None:
    with empty_folder() as folder:
        results = folder / "results"
        (results / PLACE).mkdir(parents=True)
        (results / PLACE / store.FILE).write_bytes(content)
        (folder / "old").write_text("kept")
        done = run_command(command, "--output", "old")
        assert_faults_then_one_line(done)
        assert done.out == ""
        written = (folder / "old").read_text()
        if done.status == 0:
            assert_whole(written.encode(), "markdown")
        else:
            assert written == "kept"
            assert contents(results).keys() == {f"{PLACE}/{store.FILE}"}


@given(content=STORED_RECORDS)
@examples(15, 700)
def test_check_lists_what_is_wrong(content: bytes) -> None:
    with empty_folder() as folder:
        for name in (store.FILE, store.PREDICTIONS):
            path = folder / "results/digits" / RUN / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((STORED / RUN / name).read_bytes())
        (folder / "results/digits" / RUN / store.FILE).write_bytes(content)
        before = contents(folder)
        done = run_command("check")
        assert_faults_then_one_line(done)
        *breaches, total = done.out.splitlines()
        assert total == f"1 record checked; {int(done.status == 1)} break a rule"
        assert all(line.startswith("results/digits/") for line in breaches)
        assert bool(breaches) == (done.status == 1)
        assert contents(folder) == before


@given(content=RECORDS)
@example(content=made_with("train_seconds", 1e308))
@example(content=made_with("environment.threads", 10**400))
@examples(6, 500)
def test_a_sweep_is_estimated_from_readable_records(content: bytes) -> None:
    with empty_folder() as folder, pytest.MonkeyPatch.context() as patch:
        capacity = Capacity("a CPU", slots=1, threads=2)  # as the local engine would have it
        patch.setattr("harness.sweep.slurm.engine.capacity", lambda grid: capacity)
        path = folder / "results/cifar10/a copy" / store.FILE
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        done = run_command("sweep", "--variants", "paper", "--engine", "slurm", "--dry-run")
        assert (done.status, done.err) == (0, "")
        assert "1 of 1 runs to train" in done.out
        assert contents(folder).keys() == {path.relative_to(folder).as_posix()}


CALIBRATED = calibration.apply_rule(
    make_record(dataset={"split": "validation"}).dataset,
    {6: {0: 0.6}, 8: {0: 0.751, 1: 0.753, 2: 0.755}},
)


@given(content=damaged(CALIBRATED.to_bytes()))
@examples(50, 1_000)
def test_a_calibration_is_loaded_or_named_in_one_line(content: bytes) -> None:
    with empty_folder():
        path = Path(calibration_record.FILE)
        path.write_bytes(content)
        try:
            assert isinstance(calibration_record.load(path), Calibration)
        except InputError as error:
            assert str(error).startswith(f"{path} is damaged (")
            assert str(error).isprintable()
