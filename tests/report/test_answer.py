"""The answer for each state of the evidence."""

from __future__ import annotations

import re

import pytest

from harness.paper.ingredients import INGREDIENTS
from harness.report import markdown
from harness.runs.record import RunRecord
from tests.helpers.answers import TUNED, at_epochs, fact, names, of
from tests.helpers.judged_studies import RULES, failed_runs, full_study, runs_near
from tests.helpers.records import make_record

pytestmark = pytest.mark.usefixtures("adopted")


def test_a_reproduced_accuracy() -> None:
    found = of(*runs_near(n=5))
    assert (found.label, found.style) == ("REPRODUCED", "match")
    assert found.sentence == (
        "AlexNet trained as we read the paper reaches the paper's accuracy on CIFAR-10: 75.04 % "
        "after 20 epochs (mean of 5 runs), within 1 point of 75.12 %, the mean of the paper's two "
        f"runs. {TUNED}"
    )
    assert re.fullmatch(
        r"Settled with 5 runs, at look 1 of 3 \(.*\b5, 10 and 20 runs each.*\): the difference "
        r"from the paper is -0\.08 points, 99 % interval \[-0\.66, \+0\.50\], against a margin of "
        r"1 point either way\. With at least 95 % probability two more single runs like ours would "
        r"both lie within 74\.\d\d to 75\.\d\d %; the paper's do\.",
        fact(found, "How sure"),
    )
    assert fact(found, "What that assumes") == (
        "We assume that the paper's two runs vary over seeds as ours do. Ours have a standard "
        "deviation of 0.15 points (5 runs), its two one of 0.38, but two are too few to know it: "
        "if its runs vary by 0.38, the interval is [-1.36, +1.20], the outcome UNDECIDED, and "
        "wrong outcomes more frequent than planned (docs/statistics.md). We also assume that its "
        "two matrices are of two trainings, not chosen for their accuracy, though chosen from "
        "several. Not in the interval: the choice of the test images, which gives one accuracy a "
        "standard error of 0.43 points, and the difference about 0.61 if the paper used others; "
        "much less if it used the same."
    )
    assert fact(found, "What it means").endswith("it leaves most settings open.")


def test_an_exceeded_accuracy_differs_from_one_not_reached() -> None:
    above, below = of(*runs_near(right=800, n=5)), of(*runs_near(right=700, n=5))
    assert (above.label, above.style) == ("EXCEEDED", "mismatch")
    assert above.sentence == (
        "AlexNet trained as we read the paper does not reproduce the paper's 75 % on CIFAR-10 "
        "within 1 point, but exceeds it: 79.94 % after 20 epochs (mean of 5 runs), against "
        f"75.12 %, the mean of the paper's two runs. {TUNED[:-1]}; an excess does not show that "
        "the paper's figure is wrong."
    )
    assert "So the paper's accuracy or more was to be expected" in fact(above, "What is built in")
    claims = fact(above, "All its claims")
    assert (
        "Exceeded, which is no evidence against the paper's figure: test accuracy is 75 % (our "
        "runs get more). Refuted: precision of every class" in claims
    )
    assert "(by its own tables)" in claims
    assert "Refuted: test accuracy is 75 % (our runs get less)" in fact(below, "All its claims")
    assert fact(above, "How sure").endswith("; neither of the paper's does.")
    assert (below.label, below.style) == ("NOT REACHED", "mismatch")
    assert "on CIFAR-10 within 1 point, but stays below it: 69.94 %" in below.sentence
    assert "What is built in" in names(below)


def test_runs_after_the_look_that_settled_it_are_told_beside_it() -> None:
    found = of(*runs_near(right=800, n=5), *runs_near(right=820, n=10)[5:])
    assert (
        "79.94 % after 20 epochs (mean of the 5 runs that settled it; 80.96 % over the 10 of "
        "look 2), against"
    ) in found.sentence
    sure = fact(found, "How sure")
    assert sure.startswith("Settled with 5 runs, at look 1 of 3")
    low, high = map(float, re.findall(r"within (\d\d\.\d\d) to (\d\d\.\d\d) %; neither", sure)[0])
    assert "By the 10 runs of look 2, with at least 95 % probability two more" in sure
    assert low < 79.94 < 82.0 < high
    assumes = fact(found, "What that assumes")
    assert "deviation of 0.15 points (5 runs), its two one of 0.38" in assumes
    assert "the interval is [+3.54, +6.10], the outcome the same, and wrong" in assumes


@pytest.mark.parametrize(
    ("records", "sentence", "is_open"),
    [
        (
            runs_near(n=2),
            "gets 74.80 and 75.00 % after 20 epochs so far, against 75.12 %, the mean of the "
            "paper's two runs; a verdict takes seeds 0 to 4.",
            "Look 1, with 5 runs each, may settle the accuracy, ",
        ),
        (
            runs_near(right=761, n=12),
            "do not tell whether their true mean is within 1 point of 75.12 %, the mean of the "
            "paper's two runs.",
            "Look 3, with 20 runs each, may settle the accuracy; it takes 8 more runs.",
        ),
        (
            [*runs_near(n=4), *failed_runs("paper", 4)],
            "; the first 5 seeds settle nothing, as 1 run failed.",
            "Look 2, with 10 runs each, may settle the accuracy, `no_augmentation`, `no_lr_decay`, "
            "`baseline`, `batch_norm`, `dropout_0`, `dropout_25` and `dropout_75`; it takes 75 "
            "more runs.",
        ),
        (  # one failed run of five is too many, whether or not the others are there
            [*runs_near(n=3), *failed_runs("paper", 3)],
            "; a verdict takes seeds 0 to 9.",
            "`dropout_25` and `dropout_75`; it takes 76 more runs.",
        ),
        (
            runs_near(right=761),
            "do not tell whether their true mean is within 1 point of 75.12 %, the mean of the "
            "paper's two runs.",
            "Not settled by the last look, and no more runs are planned: the accuracy.",
        ),
        (
            failed_runs("paper", *range(20)),
            "Not answered yet: no run of paper with 20 epochs and seed 0 to 19 has finished.",
            "Not settled by the last look, and no more runs are planned: the accuracy, `no_augm",
        ),
    ],
)
def test_what_is_not_settled_says_why_and_what_it_takes(
    records: list[RunRecord], sentence: str, is_open: str
) -> None:
    found = of(*records)
    judged = "do not tell whether" in sentence
    assert (found.label, found.style) == ("UNDECIDED" if judged else "NOT JUDGED", "open")
    assert found.sentence.removesuffix(f" {TUNED}").endswith(sentence)
    assert is_open in fact(found, "What is open")


def test_a_settled_study_has_nothing_open_and_every_ingredient() -> None:
    found = of(*full_study(n=5))
    assert fact(found, "What is open") == (
        "Accuracy and contrasts: nothing. Later looks of `paper` may settle the paper's other open "
        "claims."
    )
    assert fact(of(*full_study()), "What is open") == "Accuracy and contrasts: nothing."
    assert [c.variant for c in found.contributions] == list(RULES.contrasts.variants)
    assert set(INGREDIENTS) == set(RULES.contrasts.variants)
    first, *_ = (c.sentence for c in found.contributions)
    assert re.fullmatch(
        r"Augmentation \(random crop and flip\) helps: \+5\.10 points \[\+\d\.\d\d, \+\d\.\d\d\] "
        r"\(settled at look 1\)",
        first,
    )
    (batch_norm,) = (c for c in found.contributions if c.variant == "batch_norm")
    assert batch_norm.sentence.startswith("Batch normalization (not in the paper) hurts: -5.10")


def test_a_finding_whose_interval_includes_zero_says_why_it_is_settled() -> None:
    others = {name: 700 for name in RULES.contrasts.variants if name != "dropout_75"}
    runs = [run for name, right in others.items() for run in runs_near(name, right, n=5)]
    found = of(*runs_near(n=5), *runs, *runs_near("dropout_75", 741, n=5, spread=3))
    (dropout,) = (c for c in found.contributions if c.variant == "dropout_75")
    assert dropout.low < 0 < dropout.high
    assert "(settled at look 1 by Holm's test, which finds more" in dropout.sentence


def test_open_questions_are_grouped_by_the_look_that_may_settle_them() -> None:
    found = of(
        *runs_near(n=10),
        *runs_near("no_augmentation", 700, n=10),
        *runs_near("batch_norm", 790, n=5),
        *runs_near("dropout_0", 750, n=5, spread=2),
        *runs_near("dropout_25", 750, n=10, spread=2),
        *runs_near("baseline", 700, n=4),
    )
    assert fact(found, "What is open").startswith(
        "Look 1, with 5 runs each, may settle `no_lr_decay`, `baseline` and `dropout_75`; it takes "
        "11 more runs. Look 2, with 10 runs each, may settle `dropout_0`; it takes 5 more runs. "
        "Look 3"
    )
    assert " that an ingredient has no effect. Later looks" in fact(found, "What is open")
    by_variant = {c.variant: c.sentence for c in found.contributions}
    assert "settled at look 1" in by_variant["batch_norm"]
    assert ": not settled, " in by_variant["dropout_0"]
    assert by_variant["baseline"] == (
        "Augmentation plus learning-rate decay: not tested, +5.16 points (4 runs of baseline)"
    )


@pytest.mark.parametrize("n", [2, 6, 20])
def test_where_no_verdict_is_given_there_are_figures(n: int) -> None:
    found = of(*at_epochs(40, runs_near(n=n)))
    assert (found.label, found.style) == ("NO VERDICT", "open")
    assert "in these runs, which give no verdict on the paper's 75.12 %" in found.sentence
    assert "figures, no verdict" in fact(found, "How sure")
    assert not {"All its claims", "What is open"} & set(names(found))


def test_without_test_images_nothing_is_compared() -> None:
    found = of(make_record(dataset={"split": "validation"}))
    assert found.sentence.startswith("These runs say nothing about the paper's accuracy")
    assert fact(found, "On which data").startswith("The official CIFAR-10, but not its test images")


def test_the_answer_is_markdown_without_empty_lists() -> None:
    block = "\n\n".join(markdown.answer_block(of(make_record(dataset={"split": "validation"}))))
    assert "contributes" not in block
    assert "\n- \n" not in block


def test_other_readings_and_what_goes_beyond_the_paper_have_a_line_each() -> None:
    names_of = {"Other readings of the paper", "Beyond the paper"}
    assert not names_of & set(names(of(*full_study(n=5))))
    found = of(
        *full_study(n=5),
        *runs_near("low_lr", 700, n=2),
        *runs_near("mixup", 741, n=2),
        *runs_near("lrn", 761, n=1),
    )
    assert "by all our criteria" in fact(found, "Other readings of the paper")
    text = fact(found, "Beyond the paper")
    assert text.startswith("Points against `paper` after 20 epochs, not tested: ")
    assert re.search(r": `mixup` -1\.\d\d \(mixup, alpha 1; 2 runs\) and ", text)
    assert re.search(r" `lrn` \+0\.\d\d \(local response normalization; 1 run\)\.$", text)
