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
from harness.protocol.datasets import JPEG_COPY
from harness.report import tables
from harness.runs.record import RunRecord
from harness.runs.store import load_all
from tests.conftest import ROOT
from tests.made import made

RULE = decision.load().budgets

Train = Callable[[int, Sequence[int]], list[RunRecord]]

HELD_OUT = {"split": "validation", "train_size": 45_000, "test_size": 5_000}


def held_out(epochs: int, seed: int, right: int, **about: Any) -> RunRecord:
    """A run evaluated on the validation split."""
    protocol = {"epochs": epochs, "validation": True}
    return made(seed=seed, right=right, dataset=HELD_OUT, protocol=protocol, **about)


def reaching(at: int, hopeless: int = 0) -> tuple[Train, list[int]]:
    """Runs that reach the target from `at` epochs on, and the budget of each that was trained.

    Below `hopeless` epochs they miss it by far, else by a little.
    """
    trained: list[int] = []

    def train(epochs: int, seeds: Sequence[int]) -> list[RunRecord]:
        trained.extend([epochs] * len(seeds))
        right = 751 if epochs >= at else 728 if epochs < hopeless else 740
        return [held_out(epochs, seed, right + 2 * seed) for seed in seeds]

    return train, trained


def test_the_smallest_budget_that_reaches_the_target_is_found_and_no_larger_one_tried() -> None:
    train, trained = reaching(10)
    found = calibration.search(range(3), train)
    assert found.epochs == 10
    assert trained == [6] * 3 + [8] * 3 + [10] * 3
    assert [c.reaches for c in found.candidates] == [False, False, True]


def test_a_candidate_that_misses_by_far_gets_one_seed() -> None:
    train, trained = reaching(10, hopeless=8)
    found = calibration.search(range(3), train)
    assert trained == [6] + [8] * 3 + [10] * 3
    assert [len(c.seeds) for c in found.candidates] == [1, 3, 3]
    assert found.candidates[0].standard_error is None
    assert tables.columns(found)["standard error"][0] == "-"


def test_mean_and_standard_error_by_hand() -> None:
    train, _ = reaching(6)
    (candidate,) = calibration.search(range(3), train).candidates
    assert candidate.accuracies == pytest.approx([0.751, 0.753, 0.755])
    assert candidate.mean == pytest.approx(0.753)
    assert candidate.standard_error == pytest.approx(0.002 / math.sqrt(3))


def test_two_seeds_are_too_few_to_reach_anything() -> None:
    train, trained = reaching(6)
    assert calibration.search(range(2), train).epochs is None
    assert sorted(set(trained)) == RULE.candidates


def test_a_mean_just_below_the_target_does_not_reach_it() -> None:
    below = [held_out(6, s, right) for s, right in enumerate((749, 750, 750))]
    on = [held_out(8, s, 750) for s in range(3)]
    assert calibration.summarise([*below, *on]).epochs == 8


def test_a_failed_run_is_not_passed_over() -> None:
    runs = [held_out(6, s, 900, failed=s == 1) for s in range(4)]
    with pytest.raises(RunFailedError, match="seed 1: diverged"):
        calibration.summarise(runs)


def test_only_cifar10_and_its_known_copy_set_the_protocols_number() -> None:
    train, _ = reaching(6)
    found = calibration.search(range(3), train)

    def on(**about: object) -> calibration.Calibration:
        dataset = found.dataset.model_copy(update=about)
        return found.model_copy(update={"dataset": dataset})

    assert calibration.is_cifar10(found)
    assert calibration.is_cifar10(on(fingerprint=JPEG_COPY.fingerprint))
    assert not calibration.is_cifar10(on(fingerprint="ab" * 32))


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
def test_it_rests_on_its_own_runs_and_no_others(other: dict[str, Any]) -> None:
    train, _ = reaching(6)
    runs = train(6, range(3))
    found = calibration.summarise(runs)
    assert all(calibration.rests_on(found, run) for run in runs)
    described = {"seed": 1, "right": 753, "dataset": {}, "protocol": {"epochs": 6}, **other}
    described["dataset"] = {"split": "validation", **described["dataset"]}
    departures = {"epochs": 6, "validation": True, **described.pop("departures", {})}
    run = made(**described).model_copy(update={"departures": departures})
    assert not calibration.rests_on(found, run)
    assert calibration.missing(found, [runs[0], run, runs[2]]) == [(6, 1)]


def test_runs_on_the_test_images_make_no_calibration() -> None:
    runs = [made(seed=seed, right=751, protocol={"epochs": 6}) for seed in range(3)]
    with pytest.raises(ValueError, match="is 'test' and not 'validation'"):
        calibration.summarise(runs)


def test_an_adopted_budget_is_the_protocols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "budget.toml"
    copy.write_bytes(budget.FILE.read_bytes())
    monkeypatch.setattr(budget, "FILE", copy)
    before = budget.load()
    budget.adopt(13, "ab" * 32, "CIFAR-10 (official)")
    assert budget.load() == budget.Budget(
        epochs=13,
        calibration_sha256="ab" * 32,
        calibrated_on="CIFAR-10 (official)",
        former=[*before.former, before.epochs],
    )
    assert copy.read_text().startswith(budget.FILE.read_text().splitlines()[0])


def test_the_protocol_has_the_budget_of_the_file() -> None:
    own = budget.load()
    assert presets.PROTOCOLS["cifar10"].epochs == own.epochs
    assert presets.PROTOCOLS["folder"].epochs == own.epochs


def test_committed_calibrations_follow_from_the_committed_runs() -> None:
    records, _ = load_all(ROOT / "results")
    stored, damaged = calibration_record.stored(ROOT / "results")
    assert not damaged
    for path in stored:
        runs = [
            record
            for record in records
            if record.dataset.split == "validation" and record.dataset.name == path.parent.name
        ]
        assert path.read_bytes() == calibration.summarise(runs).to_bytes()
    own = budget.load()
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in stored}
    assert own.provisional or own.calibration_sha256 in hashes or not stored
