"""The tuned number of epochs: the rule, its record, and where the protocol reads it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import calibration, calibration_record
from harness.errors import RunFailedError
from harness.protocol import budget, decision, presets
from harness.report.tables import judged
from harness.runs.record import RunRecord
from harness.runs.store import load_all
from tests.helpers.paths import ROOT
from tests.helpers.records import make_record

RULE = decision.load().budgets

Train = Callable[[Sequence[tuple[int, int]]], list[RunRecord]]

HELD_OUT = {"split": "validation", "train_size": 45_000, "test_size": 5_000}


def held_out(epochs: int, seed: int, right: int, **about: Any) -> RunRecord:
    """The record of a run evaluated on the validation split."""
    protocol = {"epochs": epochs, "validation": True}
    return make_record(seed=seed, right=right, dataset=HELD_OUT, protocol=protocol, **about)


def reaching(at: int, futile: int = 0) -> tuple[Train, list[int]]:
    """A training function whose runs reach the target from `at` epochs on.

    Below `futile` epochs they miss it by far, else by a little.

    Returns:
        The function, and a list that receives the epochs of every run that it trains.
    """
    trained: list[int] = []

    def accuracy(epochs: int, seed: int) -> int:
        return (751 if epochs >= at else 728 if epochs < futile else 740) + 2 * seed

    def train(runs: Sequence[tuple[int, int]]) -> list[RunRecord]:
        trained.extend(epochs for epochs, _ in runs)
        return [held_out(epochs, seed, accuracy(epochs, seed)) for epochs, seed in runs]

    return train, trained


def test_the_smallest_budget_that_reaches_the_target_is_chosen_and_no_larger_one_tried() -> None:
    train, trained = reaching(10)
    calibrated = calibration.search(train)
    assert calibrated.epochs == 10
    assert trained == [6] * 3 + [8] * 3 + [10] * 3
    assert [c.reaches for c in calibrated.candidates] == [False, False, True]


def test_a_candidate_that_misses_by_far_gets_one_seed() -> None:
    train, trained = reaching(10, futile=8)
    calibrated = calibration.search(train)
    assert trained == [6] + [8] * 3 + [10] * 3
    assert [len(c.seeds) for c in calibrated.candidates] == [1, 3, 3]
    assert calibrated.candidates[0].standard_error is None
    assert judged.candidates_table(calibrated.candidates).rows[0][3].text == "-"


def test_first_seeds_trained_together_change_nothing_in_the_outcome() -> None:
    alone = calibration.search(reaching(10, futile=8)[0])
    train, trained = reaching(10, futile=8)
    assert calibration.search(train, at_once=2) == alone
    assert trained == [6, 8, 8, 8, 10, 12, 10, 10]  # 12 started with 10 and does not count


def test_mean_and_standard_error_by_hand() -> None:
    train, _ = reaching(6)
    (candidate,) = calibration.search(train).candidates
    assert candidate.accuracies == pytest.approx([0.751, 0.753, 0.755])
    assert candidate.mean == pytest.approx(0.753)
    assert candidate.standard_error == pytest.approx(0.002 / math.sqrt(3))


def test_where_no_candidate_reaches_the_target_all_are_tried() -> None:
    train, trained = reaching(1_000)
    assert calibration.search(train).epochs is None
    assert sorted(set(trained)) == RULE.candidates


@pytest.mark.parametrize(
    ("tried", "fault"),
    [
        ({20: {0: 0.76, 1: 0.76, 2: 0.76}}, "the candidates are not the decision file's"),
        ({6: {7: 0.76, 8: 0.76, 9: 0.76}}, "6 epochs have seeds 7, 8, 9 and not 0, 1, 2"),
        ({6: {0: 0.7499}}, "6 epochs have seeds 0 and not 0, 1, 2"),
        ({6: {0: 0.5, 1: 0.5, 2: 0.5}}, "6 epochs have seeds 0, 1, 2 and not 0"),
        ({6: {0: 0.76, 1: 0.76, 2: 0.76, 3: 0.76}}, "6 epochs have seeds 0, 1, 2, 3 and not"),
    ],
)
def test_other_candidates_or_seeds_than_the_rule_has_are_no_calibration(
    tried: dict[int, dict[int, float]], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        calibration.apply_rule(held_out(6, 0, 750).dataset, tried)


def test_a_mean_just_below_the_target_does_not_reach_it() -> None:
    below = [held_out(6, s, right) for s, right in enumerate((749, 750, 750))]
    on = [held_out(8, s, 750) for s in range(3)]
    assert calibration.summarize([*below, *on]).epochs == 8


def test_a_failed_run_is_an_error() -> None:
    runs = [held_out(6, s, 900, failed=s == 1) for s in range(4)]
    with pytest.raises(RunFailedError, match="seed 1: diverged"):
        calibration.summarize(runs)


@pytest.mark.parametrize(
    "other",
    [
        {"variant": "baseline"},
        {"seed": 7},
        {"right": 754},
        {"failed": True},
        {"protocol": {"epochs": 8}},
        {"dataset": {"fingerprint": "cd" * 32}},
        {"dataset": {"split": "test"}},
        {"departures": {"precision": "fp32"}},
    ],
)
def test_it_uses_its_runs_and_no_others(other: dict[str, Any]) -> None:
    train, _ = reaching(6)
    runs = train([(6, seed) for seed in range(3)])
    calibrated = calibration.summarize(runs)
    assert all(calibration.uses_run(calibrated, run) for run in runs)
    described = {"seed": 1, "right": 753, "dataset": {}, "protocol": {"epochs": 6}, **other}
    described["dataset"] = {"split": "validation", **described["dataset"]}
    departures = {"epochs": 6, "validation": True, **described.pop("departures", {})}
    run = make_record(**described).model_copy(update={"departures": departures})
    assert not calibration.uses_run(calibrated, run)
    assert calibration.missing_runs(calibrated, [runs[0], run, runs[2]]) == [(6, 1)]


def test_runs_on_the_test_images_make_no_calibration() -> None:
    runs = [make_record(seed=seed, right=751, protocol={"epochs": 6}) for seed in range(3)]
    with pytest.raises(ValueError, match="is 'test' and not 'validation'"):
        calibration.summarize(runs)


def test_a_new_budget_is_written_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, content = budget.load(), budget.FILE.read_bytes()
    new = before.replaced_by(13, "ab" * 32, "CIFAR-10 (official)")
    assert new == budget.Budget(
        epochs=13,
        calibration_sha256="ab" * 32,
        calibrated_on="CIFAR-10 (official)",
        former=[*before.former, before.epochs],
    )
    budget.write(tmp_path / "budget.toml", new)
    assert budget.FILE.read_bytes() == content
    monkeypatch.setattr(budget, "FILE", tmp_path / "budget.toml")
    assert budget.load() == new


def test_the_budget_file_has_the_one_text_of_its_content() -> None:
    assert budget.FILE.read_bytes() == budget.load().to_bytes()


def test_the_protocol_has_the_budget_of_the_file() -> None:
    tuned = budget.load()
    assert presets.PROTOCOLS["cifar10"].epochs == tuned.epochs
    assert presets.PROTOCOLS["folder"].epochs == tuned.epochs


def test_committed_calibrations_follow_from_the_committed_runs() -> None:
    records, _ = load_all(ROOT / "results")
    stored, damaged = calibration_record.load_calibrations(ROOT / "results")
    assert not damaged
    for path in stored:
        runs = [
            record
            for record in records
            if record.dataset.split == "validation" and record.dataset.name == path.parent.name
        ]
        assert path.read_bytes() == calibration.summarize(runs).to_bytes()
    tuned = budget.load()
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in stored}
    assert tuned.provisional or tuned.calibration_sha256 in hashes
