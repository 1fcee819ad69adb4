"""Verdicts on made records: what is said, and what is not."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

import variants
from harness.paper import reported
from harness.protocol import budget, datasets, decision
from harness.protocol.presets import EPOCHS
from harness.runs.record import RunRecord
from tests.made import curve, made
from tests.verdicts import STEPS, judged, runs, text

pytestmark = pytest.mark.usefixtures("adopted")


@pytest.mark.parametrize(
    ("right", "spread", "outcome", "status"),
    [
        (751, 1, "MATCH", "confirmed"),
        (755, 1, "MATCH", "confirmed"),
        (800, 1, "MISMATCH", "refuted"),
        (700, 1, "MISMATCH", "refuted"),
        (761, 1, "INCONCLUSIVE", "open"),
        (751, 9, "INCONCLUSIVE", "open"),
    ],
)
def test_the_decision_table(right: int, spread: int, outcome: str, status: str) -> None:
    found = judged(runs(right=right, spread=spread))
    assert found.outcome == outcome
    assert found.claims[0].status == status
    assert f"**{outcome}**" in text(runs(right=right, spread=spread))


def test_the_difference_and_its_interval_by_hand() -> None:
    found = judged(runs()).accuracy
    assert found is not None
    ours = np.array([751 + STEPS[s % 6] for s in range(39)]) / 1000
    error = ours.std(ddof=1) * np.sqrt(1 / 39 + 1 / 2)
    assert found.difference == pytest.approx(ours.mean() - 0.7512)
    assert found.low == pytest.approx(found.difference - 1.685954 * error, abs=1e-7)
    assert found.high == pytest.approx(found.difference + 1.685954 * error, abs=1e-7)


@pytest.mark.parametrize("n", [1, 4])
def test_too_few_seeds_say_how_many_are_needed(n: int) -> None:
    shown = text(runs(n=n))
    assert "**NOT DECIDED YET**" in shown
    assert "At least 5 seeds are needed" in shown
    assert "About 6 seeds would show agreement" in shown
    assert "39 are planned" in shown
    assert "interval [" not in shown


def test_without_a_run_of_the_paper_variant_nothing_is_decided() -> None:
    found = judged(runs("baseline"))
    assert found.outcome == "INCONCLUSIVE"
    assert "No finished run of paper" in text(runs("baseline"))


def test_noise_that_no_number_of_seeds_overcomes_is_said_to_be() -> None:
    assert "No number of seeds would settle it" in text(runs(spread=9))


@pytest.mark.parametrize(
    ("about", "heading"),
    [
        ({"dataset": {"official": False}}, "NOT THE OFFICIAL DATA"),
        ({"dataset": {"official": False, "classes": [*"abcdefghij"]}}, "not CIFAR-10"),
        ({"dataset": {"split": "validation"}}, "NOT THE TEST IMAGES"),
        ({"protocol": {"precision": "fp32"}}, "NOT THE PROTOCOL"),
        ({"protocol": {"epochs": 40}}, "ANOTHER BUDGET"),
        ({"decision_sha256": None}, "OTHER RULES (59 of 59 records do not cite"),
        ({"decision_sha256": "ab" * 32}, "OTHER RULES"),
    ],
)
def test_elsewhere_the_same_numbers_stand_without_a_verdict(
    about: dict[str, Any], heading: str
) -> None:
    records = runs(**about) + runs("no_augmentation", 700, **about)
    if about.get("dataset", {}).get("classes"):
        records = [renamed(r) for r in records]
    shown, raw = text(records), text(records, "json")
    assert heading in shown
    for word in ("MATCH", "INCONCLUSIVE", "confirmed", "refuted"):
        assert word not in shown
        assert word not in raw
    claimed = heading not in ("not CIFAR-10", "ANOTHER BUDGET")
    assert ("contradicted by its own tables" in shown) == claimed
    (found,) = json.loads(raw)["judgements"]
    assert found["verdict"] is None
    assert {claim["verdict"] for claim in found["claims"]} == {None}
    official = json.loads(text(runs() + runs("no_augmentation", 700), "json"))["judgements"][0]
    planned = heading.startswith(("NOT THE OFFICIAL", "OTHER RULES"))
    for one, other in zip(found["ablations"], official["ablations"], strict=True):
        assert one.pop("tested") == (other.pop("tested") and planned)
        assert one == other
    if found["accuracy"]:
        assert found["accuracy"]["low"] == official["accuracy"]["low"]


def renamed(record: RunRecord) -> RunRecord:
    """The record with its figures under the class names of its dataset."""
    assert record.metrics is not None
    names = dict(zip(datasets.CLASSES, record.dataset["classes"], strict=True))
    record.metrics["per_class"] = {
        names[c]: figures for c, figures in record.metrics["per_class"].items()
    }
    return record


def test_the_reference_budget_is_judged_too_and_the_budget_curve_shown() -> None:
    grid = [
        *runs(),
        *runs("no_lr_decay", 740),
        *runs(right=790, protocol={"epochs": 90}),
        *runs("no_lr_decay", 795, protocol={"epochs": 90}),
    ]
    found = json.loads(text(grid, "json"))["judgements"]
    assert [(j["epochs"], j["verdict"]) for j in found] == [(EPOCHS, "MATCH"), (90, "MISMATCH")]
    shown = text(grid)
    curve_of = shown[shown.index("## Budget curve: CIFAR-10 (official), bf16") :]
    assert f" {EPOCHS} epochs |" in curve_of
    assert "Not run: 10, 40 epochs." in curve_of


def test_records_that_do_not_cite_the_decision_file_are_counted() -> None:
    own = decision.sha256()
    assert "All 20 records cite this decision file" in text(runs(n=20))
    mixed = runs(n=18)
    mixed += [made(seed=18, decision_sha256=None), made(seed=19, decision_sha256="ab" * 32)]
    assert (
        f"WARNING: 2 of 20 records do not cite this decision file ({own[:12]}): "
        "1 cite abababababab, 1 cite none." in text(mixed)
    )


def test_seeds_beyond_the_plan_are_left_out_and_counted() -> None:
    found = judged(runs(n=45))
    assert found.accuracy is not None
    assert found.accuracy.n == 39
    assert "Left out: 6 runs with seeds beyond the planned ones." in found.notes


def test_seeds_beyond_the_plan_have_no_say_in_whether_there_is_a_verdict() -> None:
    assert judged([*runs(), made(seed=39, decision_sha256="ab" * 32)]).standing.decides
    assert not judged([*runs(n=38), made(seed=38, decision_sha256="ab" * 32)]).standing.decides


def test_where_no_seeds_are_planned_none_are_said_to_lack() -> None:
    def shown(epochs: int) -> str:
        return " ".join(judged(runs(n=6, protocol={"epochs": epochs})).notes)

    assert "Interim: of the planned seeds, 6 of 39" in shown(EPOCHS)
    assert "Interim" not in shown(EPOCHS - 1)


@pytest.mark.parametrize("right", [751, 700])
def test_before_the_plan_is_through_nothing_is_decided(right: int) -> None:
    history = curve([0.1 * e for e in range(1, 8)])
    found = judged([*runs(right=right, n=38, history=history), *runs("no_augmentation", 650)])
    assert "Interim: of the planned seeds, 38 of 39 of paper have been run." in found.notes
    assert found.outcome == "INCONCLUSIVE"
    assert found.accuracy is not None
    assert found.accuracy.reason.startswith("interim, 38 of 39 planned seeds of paper")
    # What the paper's own tables contradict needs no run of ours.
    assert {s.claim.key for s in found.claims if s.status != "open"} == {"precision"}
    assert not [note for note in judged(runs()).notes if "Interim" in note]


def test_a_provisional_budget_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    provisional = dataclasses.replace(budget.load(), calibration_sha256="")
    monkeypatch.setattr(budget, "load", lambda: provisional)
    found = judged(runs())
    assert found.outcome is None
    assert found.standing.heading.startswith("PROVISIONAL BUDGET")
    assert judged(runs(protocol={"epochs": 90})).outcome == "MATCH"


def test_rows_made_by_several_versions_of_the_code_are_said_to_be() -> None:
    records = runs()
    assert not [n for n in judged(records).notes if "versions" in n]
    other = dataclasses.replace(records[0], sources_sha256="1" * 64)
    notes = judged([other, *records[1:]]).notes
    assert "Rows come from 2 versions of the code that decides bits." in notes


def test_failed_runs_stay_in_the_denominator() -> None:
    few = [*runs(n=38), made(seed=38, failed=True)]
    assert judged(few).outcome == "MATCH"
    assert "38 runs of paper (1 more failed)" in text(few)
    many = runs(n=32) + [made(seed=s, failed=True) for s in range(32, 39)]
    assert judged(many).outcome == "INCONCLUSIVE"
    assert "7 of 39 runs of paper failed, so the rest cannot speak for all" in text(many)


def test_how_many_failed_is_not_judged_while_planned_seeds_are_to_come() -> None:
    found = judged([*runs(n=7), made(seed=7, failed=True)]).accuracy  # 1 of 39 is allowed
    assert found is not None
    assert found.reason.startswith("interim, 8 of 39 planned seeds of paper (so far the interval")
    assert found.undecided


def test_with_too_few_that_finished_no_more_seeds_are_asked_for() -> None:
    found = judged([*runs(n=3), *(made(seed=s, failed=True) for s in range(3, 39))]).accuracy
    assert found is not None
    assert found.reason.startswith("36 of 39 runs of paper failed")
    assert not found.undecided


@pytest.mark.parametrize(
    ("about", "planned"),
    [
        ({}, True),
        ({"protocol": {"dataset": "folder"}, "dataset": {"official": False}}, True),
        ({"protocol": {"precision": "fp32"}}, False),
        ({"dataset": {"split": "validation"}}, False),
        ({"protocol": {"epochs": 40}}, False),
    ],
)
def test_the_plan_is_for_the_protocol_on_test_images_copied_or_not(
    about: dict[str, Any], planned: bool
) -> None:
    assert judged(runs(n=5, **about)).standing.planned == planned


def test_differences_of_classes_are_found_after_holm_or_what_would_have_been_seen() -> None:
    # All our classes have one recall, so every one that differs from the paper's is found.
    found = judged(runs())
    assert [c.name for c in found.classes] == list(datasets.CLASSES)
    assert all(c.holm >= c.p for c in found.classes)
    assert "Recall differs from the paper's in airplane" in text(runs())
    alike = [reported_again(r, r.seed) for r in runs()]
    shown = text(alike)
    assert "Recall of the classes: no difference found; differences of" in shown
    assert "would have been seen in 80 % of cases" in shown
    assert "The confusion pattern: no difference found" in shown


def reported_again(record: RunRecord, seed: int) -> RunRecord:
    """A record with figures drawn around the mean of the reported matrices."""
    source = np.random.default_rng(seed)
    assert record.metrics is not None
    mean = np.mean([run.confusion_matrix for run in reported.REPORTED_RUNS], axis=0)
    matrix = np.stack([source.multinomial(1000, row / row.sum()) for row in mean])
    record.metrics["confusion_matrix"] = matrix.tolist()
    for i, name in enumerate(datasets.CLASSES):
        # Deviations of recall over runs are a few points, as between the reported two.
        recall = mean[i, i] / 1000 + source.normal(0, 0.03)
        record.metrics["per_class"][name]["recall"] = float(recall)
    return record


def test_environments_are_named_where_there_are_several() -> None:
    records = runs(n=19, environment={"device": "a GPU", "torch": "2.15.0", "threads": 8})
    assert not [n for n in judged(records).notes if "environment" in n]
    records.append(made(seed=19, environment={"device": "a CPU", "torch": "2.15.0", "threads": 8}))
    assert [n for n in judged(records).notes if "more than one environment: a GPU" in n]


def test_every_variant_of_the_family_has_a_row_run_or_not() -> None:
    names = [row.variant for row in judged(runs()).ablations]
    assert set(names) == set(variants.names())
    assert names[0] == "paper"


def test_the_order_of_records_does_not_matter() -> None:
    records = runs() + runs("baseline", 700) + runs(right=760, protocol={"epochs": 90})
    assert text(records) == text(records[::-1])
    assert text(records, "json") == text(records[::-1], "json")
