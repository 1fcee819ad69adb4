"""`search`: trials are runs on the validation split, the same ones after a kill."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import variants
from harness.runs import store
from harness.runs.record import RunRecord
from harness.studies import search, space
from tests.helpers import held_out_tests
from tests.helpers.in_process import contents
from tests.helpers.sweep_processes import start_sweep, stored_hashes, wait_for_exit
from variants.catalog import EXTENSION, PAPER, READING

Harness = Callable[..., subprocess.CompletedProcess[str]]

SEARCH = ("search", "--variant", "paper", "--trials", "3")


def load_trials(results: Path) -> list[RunRecord]:
    """Records of trials by number."""
    records = store.load_all(results)[0]
    return sorted(records, key=lambda record: record.study.index if record.study else -1)


def test_trials_are_runs_on_held_out_training_images(
    short: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    done = harness(*SEARCH, *short, prepare=held_out_tests.forbid_test_images)
    assert done.returncode == 0, done.stderr
    trials = load_trials(tmp_path / "results")
    assert [t.study.index for t in trials if t.study] == [0, 1, 2]
    assert {t.dataset.split for t in trials} == {"validation"}
    assert {t.seed for t in trials} == {0}
    assert {t.family for t in trials} == {"readings"}
    (settings,) = {json.dumps(t.study.settings) for t in trials if t.study}
    plan = json.loads(settings)
    assert (plan["variant"], plan["trials"], plan["sampler"]) == ("paper", 3, "qmc")
    assert plan["arguments"] == {"qmc_type": "sobol", "scramble": True, "seed": 0}
    assert plan["space"]["dropout"] == {"low": 0.0, "high": 0.75, "log": False}
    for trial in trials:
        assert set(trial.changes) == {"learning_rate", "weight_decay", "dropout"}
    check_the_table_and_the_entry(done.stdout, trials)
    checked = harness("check", "results")
    assert (checked.returncode, checked.stdout) == (0, "3 records checked; 0 break a rule\n")


def test_trials_can_be_looked_at_without_training(
    short: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    for option, last in (("--status", "3 runs: 0 done"), ("--dry-run", "3 of 3 runs to train")):
        done = harness(*SEARCH, *short, option)
        assert done.returncode == 0, done.stderr
        trials = re.findall(r"^paper_search_\w+_(\d+) seed 0\W+pending", done.stdout, re.MULTILINE)
        assert trials == ["000", "001", "002"]
        assert last in done.stdout
    assert not list((tmp_path / "results").rglob("*"))


def check_the_table_and_the_entry(text: str, trials: list[RunRecord]) -> None:
    rows = [int(row[1]) for row in re.finditer(r"^\| +(\d) \|", text, re.MULTILINE)]
    ranked = sorted(
        (t for t in trials if t.metrics),
        key=lambda t: (-t.metrics.accuracy, t.metrics.loss),  # type: ignore[union-attr]
    )
    assert rows == [t.study.index for t in ranked if t.study]
    registered: list[variants.Variant] = []
    exec(
        text[text.index("register(") :],
        {"register": registered.append, "PAPER": PAPER, "READING": READING},
    )
    assert registered[0].settings() == ranked[0].settings
    assert registered[0].name == "paper_tuned"
    assert (registered[0].parent, registered[0].family) == ("paper", ranked[0].family)


def test_an_ordinary_run_reads_the_test_images_that_a_search_may_not(
    short: tuple[str, ...], harness: Harness
) -> None:
    run = ("run", "--variant", "paper", "--no-figures")
    with pytest.raises(AssertionError, match="the length of the test split"):
        len(held_out_tests.Unreadable())
    done = harness(*run, *short, prepare=held_out_tests.forbid_test_images)
    assert done.returncode == 1
    assert "of the test split" in done.stderr


def test_a_killed_search_goes_on_with_the_same_trials(
    short: tuple[str, ...], tmp_path: Path
) -> None:
    command = (*SEARCH, *short, "--space", "dropout=0:0.5", "--seed", "7")
    uncut, cut = tmp_path / "uncut", tmp_path / "cut"
    status, output, errors = wait_for_exit(
        start_sweep(tmp_path, *command, "--results", "uncut", "--workers", "2")
    )
    assert status == 0, errors
    with start_sweep(tmp_path, *command, "--results", "cut") as process:
        process.wait_for("1 of 3 done")
        process.kill()
    before = {name: text for name, text in contents(cut).items() if name.endswith(store.FILE)}
    assert 1 <= len(before) < 3
    status, again, errors = wait_for_exit(start_sweep(tmp_path, *command, "--results", "cut"))
    assert status == 0, errors
    after = contents(cut)
    assert {name: after[name] for name in before} == before
    assert stored_hashes(cut) == stored_hashes(uncut)
    assert [t.settings for t in load_trials(cut)] == [t.settings for t in load_trials(uncut)]
    entry = output.index("register(")
    assert again[again.index("register(") :] == output[entry:]
    assert "**EXTENSION" in output


def test_a_failed_trial_is_in_the_table_and_decides_the_exit_status(
    short: tuple[str, ...], harness: Harness
) -> None:
    values = ("--space", "learning_rate=0.01/1e30", "--sampler", "grid")
    done = harness("search", "--variant", "paper", *short, *values)
    assert done.returncode == 1
    assert "1 of the runs have no result" in done.stderr
    assert "diverged" in done.stdout
    assert "Best of 2 trials (1 failed): trial" in done.stdout
    assert "learning_rate=0.01," in done.stdout


def test_without_time_no_winner_is_named(short: tuple[str, ...], harness: Harness) -> None:
    done = harness(*SEARCH, *short, "--time-limit", "0")
    assert done.returncode == 0, done.stderr
    assert "3 left for the next time" in done.stdout
    assert "register(" not in done.stdout


def plan(**changed: Any) -> search.SearchPlan:
    fields = {
        "variant": "paper",
        "space": space.parse("dropout=0:0.5"),
        "sampler": "qmc",
        "seed": 0,
        "trials": 4,
    }
    return search.SearchPlan(**{**fields, **changed})


def test_searches_that_differ_have_other_names() -> None:
    others = [
        plan(variant="batch_norm"),
        plan(space=space.parse("dropout=0:0.6")),
        plan(space=space.parse("dropout=0/0.5")),
        plan(sampler="random"),
        plan(seed=1),
        plan(trials=5),
    ]
    assert len({p.name for p in (plan(), *others)}) == 7
    assert plan().name == plan().name


def test_trials_are_never_specified_on_the_test_images() -> None:
    with pytest.raises(ValueError, match="validation split"):
        search.trial_specs(plan(), 0, search.RunOptions(dataset="digits"))


def test_a_trial_has_the_family_that_its_entry_will_have() -> None:
    options = search.RunOptions(dataset="digits", validation=True)
    (one, *_) = search.trial_specs(plan(), 0, options)
    assert (one.variant.family, one.variant.parent) == (EXTENSION["family"], "paper")
    assert one.study is not None
    assert one.variant.name == f"{one.study.name}_000"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--variant", "papr"), "Did you mean 'paper'?"),
        (("--trials", "0"), "Invalid value for '--trials'"),
        (("--space", "dropout=0:2"), "dropout is '2', not in [0, 1)"),
        (("--space", "colour=1:2"), "'colour' cannot be searched"),
        (("--sampler", "tpe"), "unknown sampler 'tpe'"),
        (("--sampler", "grid"), "--sampler grid needs values of learning_rate"),
        (("--seed", "-1"), "Invalid value for '--seed'"),
        (("--seed", str(2**32)), "Invalid value for '--seed'"),
        (("--dataset", "mnist"), "unknown dataset 'mnist'"),
        (("--epochs", "0"), "--epochs is 0"),
        (("--engine", "cloud"), "unknown engine 'cloud'"),
        (("--set", "time=1"), "--engine local has no setting time"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert message in refused("search", *arguments)
    assert not list(tmp_path.rglob("record.json"))
