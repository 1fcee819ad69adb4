"""What the answer says of other numbers of epochs."""

from __future__ import annotations

import pytest

from tests.helpers.answers import TUNED, at_epochs, fact, names, of
from tests.helpers.judged_studies import RULES, failed_runs, runs_near
from tests.helpers.records import make_record

pytestmark = pytest.mark.usefixtures("adopted")


def test_how_far_it_goes_at_other_budgets_is_part_of_the_sentence() -> None:
    found = of(
        *runs_near(n=5),
        *at_epochs(10, runs_near(right=680, n=2)),
        *at_epochs(90, runs_near(right=790)),
    )
    assert found.sentence.endswith(
        " The paper does not state its number of epochs, and our accuracy depends on it: 67.80 % "
        f"after 10 (2 runs) and 78.98 % after 90 (20 runs). {TUNED}"
    )
    assert fact(found, "After 90 epochs") == "EXCEEDED: 78.94 % on average of 5 runs."


def test_another_budget_without_a_run_of_the_method_has_no_figure() -> None:
    found = of(*runs_near(n=5), *at_epochs(90, runs_near("no_augmentation", n=1)))
    assert fact(found, "After 90 epochs") == "NOT JUDGED: no finished run of paper."


def test_at_a_budget_that_was_not_tuned_nothing_is_built_in() -> None:
    found = of(*at_epochs(RULES.budgets.reference, runs_near(right=800, n=5)))
    assert found.label == "EXCEEDED"
    assert "after 90 epochs (mean of 5 runs), against" in found.sentence
    assert "What is built in" not in names(found)


def test_a_sign_that_depends_on_the_budget_is_an_alarm() -> None:
    primary = [*runs_near(n=2), make_record("baseline", right=700)]
    ten = at_epochs(10, [*runs_near(n=2), make_record("baseline", right=790)])
    changed = of(*primary, *ten)
    text = fact(changed, "By number of epochs")
    assert "Augmentation plus learning-rate decay -4.10 at 10, +4.90 at" in text
    assert text.endswith(" Runs each: 1 at 10, 1 at 20.")
    assert next(f for f in changed.facts if f.name == "By number of epochs").alarm
    # A budget at which too many runs failed has no figure, and is not counted.
    left = at_epochs(40, [*runs_near(n=2), make_record("baseline")])
    failed = failed_runs("baseline", 1, 2, protocol={"epochs": 40})
    with_failed = of(*primary, *ten, *left, *failed)
    assert fact(with_failed, "By number of epochs") == text
    alike = of(*primary, *at_epochs(10, [*runs_near(n=2), make_record("baseline", right=700)]))
    assert "By number of epochs" not in names(alike)
