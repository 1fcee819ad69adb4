"""The decision file: values, consistency with the code, and hash."""

from __future__ import annotations

import pytest

import variants
from harness.errors import InputError
from harness.paper.claims import claims
from harness.protocol import decision, rule_file
from harness.protocol.decision import Decision
from harness.verdict.claim_status import _JUDGES

TEXT = decision.FILE.read_text()


def test_the_file_says_what_the_design_asks_for() -> None:
    rules = decision.load()
    assert (rules.version, rules.looks.seeds, rules.looks.weights) == (
        2,
        [5, 10, 20],
        [0.25, 0.25, 0.5],
    )
    assert rules.looks.most_failed == 0.1
    assert (rules.accuracy.margin, rules.accuracy.levels) == (0.01, [0.005, 0.017, 0.045])
    assert (rules.contrasts.alpha, rules.ranges.alpha, rules.classes.alpha) == (0.05, 0.05, 0.05)
    assert rules.budgets.candidates == [6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 90]
    assert rules.planned_seeds == range(20)
    assert not rules.results_set.pool_device_types


def test_every_contrast_is_a_registered_variant_and_all_eight_are_in_it() -> None:
    rules = decision.load().contrasts
    assert [rules.against, *rules.variants] == variants.names("ablations")
    assert list(decision.load().variants) == variants.names("ablations")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("margin = 0.01", "margim = 0.01"),
        lambda text: text.replace("margin = 0.01", ""),
        lambda text: text.replace("[ranges]", "[rangse]"),
        lambda text: text.replace("margin = 0.01", 'margin = "1 point"'),
        lambda text: text.replace("levels = [0.005, 0.017, 0.045]", "levels = [0.005, 0.017]"),
        lambda text: text.replace("weights = [0.25, 0.25, 0.5]", "weights = [0.25, 0.25, 0.6]"),
        lambda text: text.replace("seeds = [5, 10, 20]", "seeds = [5, 20, 10]"),
        lambda text: text + "\n[surprise]\nx = 1\n",
    ],
)
def test_a_misspelt_or_missing_value_is_an_error(spoil: object) -> None:
    spoilt = spoil(TEXT)  # type: ignore[operator]
    assert spoilt != TEXT
    with pytest.raises(InputError, match=r"decision\.toml is damaged \(.+\)"):
        rule_file.parse(Decision, spoilt, decision.FILE)


def test_what_is_no_toml_is_an_error() -> None:
    with pytest.raises(InputError, match="not valid TOML"):
        rule_file.parse(Decision, "margin =", decision.FILE)


def test_every_claim_has_a_judgement_and_the_files_thresholds() -> None:
    rules = decision.load()
    assert {claim.key for claim in claims(rules)} == set(_JUDGES)
    changed = rule_file.parse(
        Decision, TEXT.replace("margin = 0.01", "margin = 0.02"), decision.FILE
    )
    assert "1 point " in claims(rules)[0].confirmed
    assert "2 points " in claims(changed)[0].confirmed
