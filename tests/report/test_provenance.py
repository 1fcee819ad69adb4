"""Provenance of a group, and the commands that repeat its runs."""

from __future__ import annotations

from typing import Any

import pytest

from harness.analysis import groups
from harness.protocol import decision
from harness.report import provenance
from harness.runs import store
from harness.runs.options import parse_seeds
from harness.runs.record import Code
from tests.helpers.paths import ROOT
from tests.helpers.records import RULES_SHA256, make_history, make_record


@pytest.mark.parametrize(
    ("seeds", "text"), [([0, 1, 2, 5], "0-2,5"), ([3], "3"), ([4, 3, 9, 10], "3-4,9-10"), ([], "")]
)
def test_seeds_are_written_as_run_takes_them(seeds: list[int], text: str) -> None:
    assert provenance.seed_ranges(seeds) == text
    if seeds:
        assert parse_seeds(text) == sorted(seeds)


def test_the_command_of_a_row_names_the_very_protocol_and_a_folder_without_its_records() -> None:
    (group,) = groups.group(store.load_all(ROOT / "tests/stored/folder")[0])[0]
    text = provenance.command(group, "paper", [0])
    assert text == (
        "python -m harness run --variant paper --seeds 0 --dataset folder --epochs 20 "
        "--precision bf16 --device cpu --data-dir DIR --results again"
    )


def environment(**variables: str) -> dict[str, Any]:
    """The environment of a record in which these variables were set."""
    return {"variables": variables}


ONE_THREAD = environment(OMP_NUM_THREADS="1")

TWO_THREADS = environment(OMP_NUM_THREADS="2")

# The rest of a command, except for its seeds.
RUN = "python -m harness run --variant paper --seeds"


@pytest.mark.parametrize(
    ("environments", "commands"),
    [
        ([ONE_THREAD, ONE_THREAD], [f"OMP_NUM_THREADS=1 {RUN} 0-1"]),
        (
            [ONE_THREAD, TWO_THREADS, ONE_THREAD],
            [f"OMP_NUM_THREADS=1 {RUN} 0,2", f"OMP_NUM_THREADS=2 {RUN} 1"],
        ),
        (
            [environment(), environment(OTHER="1"), ONE_THREAD],
            [f"{RUN} 0-1", f"OMP_NUM_THREADS=1 {RUN} 2"],
        ),
        ([environment()], [f"{RUN} 0"]),
    ],
)
def test_a_row_has_a_command_for_each_number_of_threads_that_was_set(
    environments: list[dict[str, Any]], commands: list[str]
) -> None:
    runs = [make_record(seed=n, environment=value) for n, value in enumerate(environments)]
    (group,) = groups.group(runs)[0]
    by_variant = groups.runs_by_variant(group.records, decision.load())
    (row,) = provenance.repeat_table(group, [*by_variant.values()]).rows
    assert [text.split(" --dataset ")[0] for text in row[1].text.split("; ")] == commands
    assert row[1].text.count("--results again") == len(commands)


def test_facts_count_runs_in_words_and_cut_commits() -> None:
    commits = ["ab" * 20, "ab" * 20, "cd" * 20, None]
    runs = [
        make_record(seed=n, history=make_history([0.7])).model_copy(
            update={"code": Code(commit=commit, dirty=False)}
        )
        for n, commit in enumerate(commits)
    ]
    runs[0] = runs[0].model_copy(update={"decision_sha256": "ef" * 32})
    (group,) = groups.group(runs)[0]
    facts = dict(provenance.facts(group))
    assert facts["code"] == (
        "commit abababababab (2 runs); commit cdcdcdcdcdcd (1 run); commit not recorded (1 run)"
    )
    cited = facts["decision file (SHA-256)"].split("; ")
    assert sorted(cited) == sorted(
        ["another, efefefefefef (1 run)", f"the current one, {RULES_SHA256[:12]} (3 runs)"]
    )
    assert facts["cost"] == (
        "4 runs, 4.1 min of training in total (4.0 s if all epochs had been as fast as their run's "
        "fastest; other work slows a machine)"
    )


def test_interrupted_runs_are_listed() -> None:
    cut = make_record(seed=3).model_copy(update={"resumed_at": [2, 5]})
    (group,) = groups.group([make_record(seed=1), cut])[0]
    facts = dict(provenance.facts(group))
    assert facts["interrupted and resumed"] == "paper seed 3 (after epoch 2, 5)"
    assert len(provenance.facts(groups.group([make_record(seed=1)])[0][0])) == len(facts) - 1
