"""`check`: runs that share their weights are copies, unless their variants are rightly equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.integrity.outcome_rules import runs_are_distinct
from harness.integrity.stored_run import StoredRun
from harness.runs.record import RunRecord
from tests.helpers.records import SEARCH, make_history, make_record


def history(*rates: float) -> list[dict[str, Any]]:
    return [
        {**row, "lr": lr} for row, lr in zip(make_history([0.7] * len(rates)), rates, strict=True)
    ]


def copied(*runs: RunRecord) -> list[str]:
    """Faults that the rule finds in runs with the same weights, each in its own folder."""
    stored_runs = [
        StoredRun(Path(str(number)), run.model_copy(update={"weights_sha256": "a" * 64}), None)
        for number, run in enumerate(runs)
    ]
    return [fault for _, fault in runs_are_distinct(stored_runs)]


@pytest.mark.parametrize(
    ("first_variant", "second_variant"), [("paper", "no_lr_decay"), ("no_augmentation", "baseline")]
)
def test_variants_that_are_equal_in_one_epoch_may_share_their_weights(
    first_variant: str, second_variant: str
) -> None:
    assert (
        copied(
            make_record(first_variant, history=history(0.01)),
            make_record(second_variant, history=history(0.01)),
        )
        == []
    )


@pytest.mark.parametrize(
    "other",
    [
        make_record("no_lr_decay", history=history(0.01, 0.01)),  # has seen the decay
        make_record("no_lr_decay", seed=1, history=history(0.01, 0.001)),
        make_record(
            "no_lr_decay", history=history(0.01, 0.001), dataset={"fingerprint": "cd" * 32}
        ),
        make_record("no_lr_decay", history=history(0.01, 0.001), protocol={"precision": "fp32"}),
        make_record("baseline", history=history(0.01, 0.001)),
        make_record("dropout_25", history=history(0.01, 0.001)),
        make_record("mixup", history=history(0.01, 0.001)),
        make_record("lrn", history=history(0.01, 0.001)),
    ],
)
def test_any_other_run_that_shares_weights_is_a_copy(other: RunRecord) -> None:
    paper = make_record("paper", history=history(0.01, 0.001))
    assert copied(paper, other) == ["another run has the same weights_sha256"] * 2


@pytest.mark.parametrize(
    ("settings", "alike"),
    [({}, True), ({"learning_rate": 0.01}, True), ({"learning_rate": 0.02}, False)],
)
def test_a_trial_that_spells_out_the_protocol_is_rightly_equal_to_paper(
    settings: dict[str, Any], alike: bool
) -> None:
    paper = make_record("paper", history=history(0.01, 0.001))
    trial = paper.model_copy(
        update={"variant": "trial_3", "settings": {**paper.settings, **settings}, "study": SEARCH}
    )
    assert (copied(paper, trial) == []) == alike


def test_a_run_on_another_type_of_device_is_another_run() -> None:
    def on(device_type: str, weights: str) -> StoredRun:
        record = make_record(environment={"device_type": device_type})
        record = record.model_copy(update={"weights_sha256": weights * 64})
        return StoredRun(Path(device_type + weights), record, None)

    def faults(*runs: StoredRun) -> set[str]:
        return {fault for _, fault in runs_are_distinct(runs)}

    assert not faults(on("cpu", "a"), on("cuda", "b"))
    assert faults(on("cpu", "a"), on("cuda", "a")) == {"another run has the same weights_sha256"}
    repeated = {"another run has the same variant, seed and type of device"}
    assert faults(on("cuda", "a"), on("cuda", "b")) == repeated
