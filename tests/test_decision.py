"""The decision file: complete, consistent with the code, and cited by its hash."""

from __future__ import annotations

import hashlib
import tomllib

import pytest

import variants
from harness.paper.claims import claims
from harness.protocol import decision
from harness.verdict.claim_status import _JUDGES

TEXT = decision.FILE.read_text()


def test_the_file_says_what_the_design_asks_for() -> None:
    rules = decision.load()
    assert (rules.accuracy.margin, rules.accuracy.alpha) == (0.01, 0.05)
    assert rules.budgets.candidates == [6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 90]
    assert (rules.seeds.accuracy, rules.seeds.others, rules.seeds.least) == (39, 20, 5)
    assert (rules.outcomes.inside, rules.outcomes.outside) == ("MATCH", "MISMATCH")


def test_every_contrast_is_a_registered_variant_and_all_eight_are_in_it() -> None:
    rules = decision.load().contrasts
    assert {rules.against, *rules.variants} <= set(variants.names())
    assert len(rules.variants) == 7


def test_the_hash_is_that_of_the_file() -> None:
    assert decision.sha256() == hashlib.sha256(decision.FILE.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("margin = 0.01", "margim = 0.01"),
        lambda text: text.replace("margin = 0.01", ""),
        lambda text: text.replace("[curves]", "[curvse]"),
        lambda text: text + "\n[surprise]\nx = 1\n",
    ],
)
def test_a_misspelt_or_missing_value_is_an_error(spoil: object) -> None:
    spoilt = spoil(TEXT)  # type: ignore[operator]
    assert spoilt != TEXT
    with pytest.raises(TypeError):
        decision.parse(spoilt)


def test_what_is_no_toml_is_an_error() -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        decision.parse("margin =")


def test_planned_seeds_depend_on_the_variant() -> None:
    rules = decision.load()
    assert rules.planned("paper") == range(39)
    assert rules.planned("baseline") == range(20)


def test_every_claim_has_a_judgement_and_the_files_thresholds() -> None:
    rules = decision.load()
    assert {claim.key for claim in claims(rules)} == set(_JUDGES)
    changed = decision.parse(TEXT.replace("margin = 0.01", "margin = 0.02"))
    assert "1 point " in claims(rules)[0].confirmed
    assert "2 points " in claims(changed)[0].confirmed
