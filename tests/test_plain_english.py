"""What a judgement says in sentences: tests only when the plan is through, chance named as such."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from harness.analysis import calibration, groups
from harness.protocol import decision
from harness.report.text import accuracy, sentences
from harness.runs.record import RunRecord
from harness.verdict import verdict
from harness.verdict.verdict import Judgement
from tests.made import curve, made


def told(judgement: Judgement) -> str:
    return sentences.paragraph(judgement, decision.load())


def arm(name: str, right: list[int], **about: Any) -> list[RunRecord]:
    """Runs of a variant that got so many in a thousand right."""
    return [made(name, seed, share, **about) for seed, share in enumerate(right)]


def one(*records: RunRecord) -> Judgement:
    return verdict.judge(groups.group(records)[0]).judgements[0]


def test_few_runs_are_put_beside_each_other_without_a_test() -> None:
    few = one(*arm("paper", [750, 752]), *arm("baseline", [701]), *arm("no_lr_decay", [760, 762]))
    assert (
        "from 2 runs of paper so far, in points: no_lr_decay +1.00 (2 runs), baseline -5.00 "
        "(1 run). Any of this may be chance: tests wait until all planned seeds have been run "
        "(39 of paper, 20 of each other variant)." in told(few)
    )
    same = one(*arm("paper", [750]), *arm("baseline", [700]), *arm("no_lr_decay", [760]))
    assert (
        "from 1 run of paper so far, in points: no_lr_decay +1.00, baseline -5.00 (1 run each)."
        in told(same)
    )


@pytest.mark.parametrize("short", [0, 1])
def test_tests_are_told_of_once_the_plan_of_both_has_been_run(short: int) -> None:
    steps = [750, 752, 748, 751, 749]
    runs = arm("paper", (8 * steps)[:39])
    found = told(
        one(
            *runs,
            *arm("no_augmentation", [700, 702, 698, 701] * 5),
            *arm("baseline", (4 * steps)[short:]),
        )
    )
    tested, _, rest = found.partition(" Differences of the ablations")
    assert "no_augmentation (-4.98)" in tested
    assert ("baseline" in tested) == (not short)
    assert ("baseline" in rest) == bool(short)
    for figures in ("Recall", "The confusion pattern"):
        assert figures in found
        assert (figures not in told(one(*runs[short:], *runs[:0]))) == bool(short)


def test_runs_that_end_far_from_where_they_had_been_are_named() -> None:
    # What lies before the last quarter is no part of it.
    steady, jump = curve([0.3] * 14 + [0.7] * 5 + [0.75]), curve([0.72] * 19 + [0.75])
    runs = [
        *arm("paper", [750, 750], history=curve([0.3] * 14 + [0.75] * 6)),
        *arm("baseline", [750], history=steady),
        *arm("no_lr_decay", [750], history=jump),
        made("no_lr_decay", 1, 750, history=curve([0.75] * 20)),
    ]
    assert told(one(*runs)).endswith(
        "It lies over 1 point from the mean of the 5 epochs before in baseline (+5.00), "
        "no_lr_decay (1 of 2 runs, by up to +3.00)."
    )
    assert "epochs before" not in told(one(*runs[:2]))


@pytest.mark.parametrize(("epochs", "before"), [(10, 0), (40, 10)])
def test_where_a_run_had_been_is_a_quarter_of_its_epochs(epochs: int, before: int) -> None:
    history = curve([0.7] * (epochs - 1) + [0.75])
    found = told(one(*arm("paper", [750], history=history, protocol={"epochs": epochs})))
    assert (f"mean of the {before} epochs before in paper (+5.00)" in found) == bool(before)
    assert ("epochs before" in found) == bool(before)


@pytest.mark.parametrize(
    ("right", "seeds", "said", "unsaid"),
    [
        (800, 5, "So far the interval lies wholly beyond the margin", "would show agreement"),
        (700, 5, "So far the interval lies wholly beyond the margin", "would show agreement"),
        (752, 5, "39 seeds are planned, and nothing is decided before", "would show agreement"),
        (800, 3, "At least 5 seeds are needed", "would show agreement"),
        (752, 3, "seeds would show agreement, were it perfect", "wholly beyond"),
    ],
)
def test_more_seeds_are_named_as_a_remedy_only_where_they_may_be_one(
    right: int, seeds: int, said: str, unsaid: str
) -> None:
    found = told(one(*arm("paper", [right - 2, right, right + 2, right - 1, right + 1][:seeds])))
    assert said in found
    assert unsaid not in found


def test_a_budget_that_reaches_more_than_was_asked_for_is_explained() -> None:
    rules, data = decision.load(), {"title": "made"}

    def steps(*means: float) -> str:
        tried = zip((15, 20), means, strict=True)
        runs = {epochs: dict.fromkeys(range(3), mean) for epochs, mean in tried}
        return sentences.steps(calibration.conclude(data, runs), rules)

    assert steps(0.73, 0.77) == (
        "Of the numbers of epochs tried, 20 is the smallest that reached 75 % on held-out training "
        "images (15 gave 73.00 %, 20 gave 77.00 %); so accuracies above 75 % were to be expected."
    )
    assert steps(0.77, 0.78) == (
        "Already the smallest number of epochs tried, 15, reached 77.00 % on held-out training "
        "images, where 75 % was asked for; so accuracies above 75 % were to be expected."
    )
    assert steps(0.73, 0.755) == ""  # within the margin of what was asked for
    assert steps(0.70, 0.73) == ""  # none reaches it


STEPS = [-3, -1, 0, 0, 1, 3]


def planned(name: str, right: int = 751, failed: int = 0, spread: int = 1) -> list[RunRecord]:
    """All planned seeds of a variant, the last of them failed."""
    seeds = decision.load().planned(name)
    return [
        made(name, seed, right + spread * STEPS[seed % 6], failed=seed >= len(seeds) - failed)
        for seed in seeds
    ]


def test_a_variant_of_which_too_many_runs_failed_is_not_said_to_differ() -> None:
    few = told(one(*planned("paper"), *planned("batch_norm", 798, failed=2)))
    assert "differ from paper, in points: batch_norm (+4.7" in few
    many = told(
        one(*planned("paper"), *planned("batch_norm", 798, failed=3), *planned("baseline", 700))
    )
    assert "differ from paper, in points: baseline (-5.11)." in many
    assert (
        "Not tested: 3 of 20 runs of batch_norm failed, so the rest cannot speak for all." in many
    )
    assert "+4." not in many
    assert "20 of 20 runs of batch_norm failed" in told(
        one(*planned("paper"), *planned("batch_norm", failed=20))
    )


def test_where_too_many_runs_of_the_paper_variant_failed_nothing_is_tested() -> None:
    arms = planned("no_augmentation", 700)
    assert "differ from paper" in told(one(*planned("paper", failed=3), *arms))
    found = told(one(*planned("paper", failed=4), *arms))
    assert (
        "No ablation is tested: 4 of 39 runs of paper failed, so the rest cannot speak for all."
        in found
    )
    for unsaid in ("differ from", "Recall", "The confusion pattern", "-5.1"):
        assert unsaid not in found
    assert "No ablation" not in told(one(*planned("paper", failed=4)))


@pytest.mark.usefixtures("adopted")
@pytest.mark.parametrize(
    ("records", "word"),
    [
        (planned("paper"), "MATCH"),
        (planned("paper")[:38], "NOT DECIDED YET"),
        (planned("paper", 700)[:5], "NOT DECIDED YET"),
        (planned("paper")[:1], "NOT DECIDED YET"),
        (planned("baseline"), "NOT DECIDED YET"),
        (planned("paper", 761), "INCONCLUSIVE"),
        (planned("paper", failed=4), "INCONCLUSIVE"),
        (planned("paper", failed=39), "INCONCLUSIVE"),
        ([made(dataset={"official": False})], "NO VERDICT"),
    ],
)
def test_the_word_is_not_a_final_one_while_planned_seeds_are_to_come(
    records: list[RunRecord], word: str
) -> None:
    found, rules = one(*records), decision.load()
    assert accuracy.word(found, rules) == word
    said = told(found)
    for other in ("MATCH", "INCONCLUSIVE", "NOT DECIDED YET"):
        assert (f"{other}: " in said) == (other == word)


@pytest.mark.usefixtures("adopted")
def test_a_mismatch_from_above_is_told_apart_from_one_from_below() -> None:
    built_in = "Part of that may be built in: the number of epochs"
    above = told(one(*planned("paper", 800)))
    assert "MISMATCH: the interval lies wholly beyond the margin. Ours is higher than" in above
    assert built_in in above
    longer = [
        dataclasses.replace(r, protocol={**r.protocol, "epochs": 90}) for r in planned("paper", 800)
    ]
    assert "Ours is higher than the paper's." in told(one(*longer))
    assert built_in not in told(one(*longer))  # nothing was tuned there
    below = told(one(*planned("paper", 700)))
    assert "MISMATCH" in below
    assert "higher" not in below
    assert built_in not in below


def test_seeds_that_would_show_agreement_are_not_named_once_they_have_been_run() -> None:
    about = r"About (\d+) seeds would show agreement"
    few, some = (told(one(*planned("paper", 752, spread=2)[:n])) for n in (6, 30))
    asked = re.search(about, few)
    assert asked
    assert 6 < int(asked[1]) < 30
    assert not re.search(about, some)
    assert "39 seeds are planned, and nothing is decided before." in some
    through = told(one(*planned("paper", 761)))
    assert "INCONCLUSIVE" in through
    assert "seeds" not in through


@pytest.mark.usefixtures("adopted")
def test_what_would_have_been_found_is_said_with_its_power() -> None:
    found = told(one(*planned("paper", spread=2), *planned("dropout_0")))
    assert re.search(
        r"no difference found for dropout_0 \([+-]0\.\d\d; 0\.\d\d\): one as large as the second "
        r"figure would have been found in 80 % of cases\.",
        found,
    )


def test_where_nothing_is_planned_there_are_figures_alone() -> None:
    elsewhere = {"protocol": {"epochs": 40}}
    records = [
        *arm("paper", [750, 752, 748, 751, 749, 750], **elsewhere),
        *arm("no_lr_decay", [760, 762], **elsewhere),
    ]
    said = told(one(*records))
    assert "The difference is -0.12 points, 90 % interval [" in said
    assert "No verdict and no tests are planned for such runs, but for the budget curve." in said
    assert said.endswith(
        "Differences of the ablations from 6 runs of paper so far, in points: no_lr_decay +1.10 "
        "(2 runs). Any of this may be chance."
    )
    for unsaid in ("39", "20 of", "margin", "seeds", "Recall", "confusion"):
        assert unsaid not in said
    # Nor are there tests where as many have been run as elsewhere.
    full = [
        dataclasses.replace(r, protocol={**r.protocol, "epochs": 40})
        for r in (*planned("paper"), *planned("baseline", 700))
    ]
    found = told(one(*full))
    assert "differ from" not in found
    assert "Recall" not in found
