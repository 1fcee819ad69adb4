"""What the runs show against expectation."""

from __future__ import annotations

import pytest

from harness.report.answer import answer
from harness.report.text.surprises import surprises
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import judge_one_group, runs_near, study_of

pytestmark = pytest.mark.usefixtures("adopted")


def found(*runs: list[RunRecord]) -> list[str]:
    return list(surprises(judge_one_group([run for several in runs for run in several])))


def test_an_ablation_nearer_to_the_paper_than_its_method_is_named_with_its_overfitting() -> None:
    paper = runs_near(right=790, n=5, gap=0.03)
    (sentence,) = found(paper, runs_near("baseline", right=750, n=5, gap=0.2))
    assert sentence == (
        "After 20 epochs, of `paper` and its ablations, the nearest to the paper's 75.12 % is "
        "`baseline` (neither augmentation nor decay) with 74.94 %, a ranking that is not tested; "
        "`paper` gets 78.94 % (look 1). On the training images `baseline` gets 94.94 % (`paper` "
        "81.94 %): it overfits, so a run like it would not fit the paper's claim that overfitting "
        "is mitigated."
    )
    (sentence,) = found(paper, runs_near("baseline", right=750, n=5, gap=0.09))
    assert sentence.endswith(" gets 83.94 % (`paper` 81.94 %).")


def test_no_ablation_is_called_nearest_while_one_before_its_look_is_nearer() -> None:
    runs = runs_near(right=790, n=5), runs_near("no_augmentation", right=770, n=5)
    (sentence,) = found(*runs, runs_near("baseline", right=700, n=4))
    assert "% is `no_augmentation` (" in sentence
    assert not found(*runs, runs_near("baseline", right=750, n=4))


def test_a_difference_that_is_not_settled_surprises_nobody() -> None:
    assert not found(runs_near(right=790, n=5), runs_near("dropout_0", right=789, n=5))


def test_the_figures_are_those_of_the_look_that_both_have() -> None:
    paper = [*runs_near(right=790, n=5), *runs_near(right=800, n=20)[5:]]
    (sentence,) = [s for s in found(paper, runs_near("dropout_0", right=800, n=5)) if "low" in s]
    assert "lowers the accuracy, from 79.94 to 78.94 %" in sentence


def test_where_the_papers_method_is_the_nearest_nothing_is_said() -> None:
    assert not found(runs_near(right=760, n=5), runs_near("baseline", right=730, n=5))


def test_runs_before_their_first_look_surprise_nobody() -> None:
    assert not found(runs_near(right=790, n=5), runs_near("baseline", right=750, n=4))
    assert not found(runs_near(right=790, n=4), runs_near("baseline", right=750, n=5))


def test_an_ingredient_of_the_paper_that_hurts_is_shown_on_the_training_images_too() -> None:
    paper = runs_near(right=790, n=5, gap=0.03)
    *_, sentence = found(paper, runs_near("dropout_0", right=800, n=5, gap=0.15))
    assert sentence == (
        "Dropout 0.5 instead of none lowers the accuracy, from 79.94 to 78.94 % (look 1; on the "
        "training images from 94.94 to 81.94 %)."
    )


def test_an_addition_to_the_paper_that_hurts_is_none_of_its_ingredients() -> None:
    assert not found(runs_near(right=760, n=5), runs_near("batch_norm", right=720, n=5))


def test_claims_that_our_runs_refute_are_named_and_those_told_elsewhere_are_not() -> None:
    # Their precision, the paper's own tables contradict already; their accuracy is the answer.
    (sentence,) = found(runs_near(right=790, n=5, gap=0.15))
    assert sentence.startswith(
        "The paper says that overfitting is mitigated. Our runs: training - test accuracy = +15.00 "
        "points"
    )


def test_of_a_claim_that_the_papers_own_tables_keep_only_our_figures_are_named() -> None:
    *_, sentence = found(runs_near(right=930, n=5))
    assert sentence.startswith(
        "The paper says that F1 of every class is 50 to 90 %. Our runs: class means 0.93 to 0.93, "
        "whole interval outside the range: airplane"
    )


def test_what_surprised_is_the_first_fact_below_the_answer_and_missing_without_surprises() -> None:
    first, *_ = answer(study_of(runs_near(right=790, n=5, gap=0.15))).facts
    assert first.name == "What surprised"
    first, *_ = answer(study_of(runs_near(n=5))).facts
    assert first.name == "What it means"
