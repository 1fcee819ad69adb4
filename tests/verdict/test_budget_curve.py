"""Accuracy and ablations at several numbers of epochs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.analysis import groups
from harness.protocol import decision
from harness.protocol.presets import EPOCHS
from harness.report.figures import by_epoch, style
from harness.report.tables.judged import budget_table
from harness.runs.record import RunRecord
from harness.verdict import budget_curve, verdict
from harness.verdict.verdict import GroupVerdict
from tests.helpers.records import make_record

RULES = decision.load()

pytestmark = pytest.mark.usefixtures("adopted")


def at(epochs: int, variant: str, *right: int) -> list[RunRecord]:
    """Runs with so many of 1,000 images right in each class, from seed 0 on."""
    protocol = {"epochs": epochs}
    return [make_record(variant, seed, n, protocol=protocol) for seed, n in enumerate(right)]


def curve_of(*runs: Sequence[RunRecord]) -> tuple[GroupVerdict, ...]:
    (curve,) = verdict.judge_groups(groups.group(r for few in runs for r in few)[0]).curves
    return curve


def columns(curve: Sequence[GroupVerdict]) -> dict[str, list[str]]:
    """The table of a curve by column."""
    table = budget_table(curve)
    cells = zip(*([cell.text for cell in row] for row in table.rows), strict=True)
    return {name: list(column) for (name, _), column in zip(table.headers, cells, strict=True)}


@pytest.fixture
def small() -> tuple[GroupVerdict, ...]:
    """Two budgets: one ablation that changes sides, one that was run at one of them alone."""
    return curve_of(
        at(10, "paper", 700, 720),
        at(10, "no_lr_decay", 730, 730),
        at(EPOCHS, "paper", 770, 780),
        at(EPOCHS, "no_lr_decay", 765),
        at(EPOCHS, "batch_norm", 810),
    )


def test_a_variant_without_runs_is_marked_as_not_run(
    small: tuple[GroupVerdict, ...],
) -> None:
    assert columns(small) == {
        "variant": ["paper", "no_lr_decay", "batch_norm"],
        "10 epochs": ["71.00 % (2)", "+2.00 (2)", "not run"],
        f"{EPOCHS} epochs": ["77.50 % (2)", "-1.00 (1)", "+3.50 (1)"],
    }


def test_where_the_baseline_has_no_run_there_is_no_difference() -> None:
    curve = curve_of(at(10, "baseline", 710), at(EPOCHS, "paper", 780), at(EPOCHS, "baseline", 740))
    assert columns(curve) == {
        "variant": ["paper", "baseline"],
        "10 epochs": ["not run", "-"],
        f"{EPOCHS} epochs": ["78.00 % (1)", "-4.00 (1)"],
    }


def test_missing_budgets_and_variants_are_named(small: tuple[GroupVerdict, ...]) -> None:
    missing = budget_curve.missing(small)
    assert set(missing) == set(RULES.budgets.curve)
    assert missing[10][:3] == ["no_augmentation", "baseline", "batch_norm"]
    assert missing[EPOCHS][:3] == ["no_augmentation", "baseline", "dropout_0"]
    assert missing[90] == list(RULES.variants)


def test_failed_runs_count_as_run_and_are_not_compared() -> None:
    failed = [
        make_record("baseline", seed, protocol={"epochs": 10}, failed=True) for seed in (1, 2)
    ]
    curve = curve_of(
        at(10, "paper", 700),
        [*at(10, "baseline", 720), *failed],
        [make_record("no_augmentation", protocol={"epochs": 10}, failed=True)],
        at(EPOCHS, "paper", 770),
        at(EPOCHS, "baseline", 730),
    )
    by_column = columns(curve)
    assert by_column["variant"] == ["paper", "no_augmentation", "baseline"]
    assert by_column["10 epochs"][1:] == ["- (0, 1 failed)", "+2.00 (1, 2 failed)"]
    assert "no_augmentation" not in budget_curve.missing(curve)[10]
    # One of three runs is left: its side says nothing.
    assert budget_curve.differences(curve) == {}
    with style.applied():
        picture = by_epoch.by_budget(curve)
    assert picture is not None
    assert "paper 70.00 at 10" in picture.alt
    assert "baseline" not in picture.alt


def test_without_a_variant_at_two_budgets_there_is_a_table_and_no_figure() -> None:
    curve = curve_of(
        at(EPOCHS, "paper", 770),
        at(40, "baseline", 700),
        [make_record(protocol={"epochs": 40}, failed=True)],
    )
    assert by_epoch.by_budget(curve) is None
    assert columns(curve)["40 epochs"] == ["- (0, 1 failed)", "- (1)"]


def test_other_images_lack_nothing() -> None:
    digits = {"classes": list("0123456789")}
    curve = curve_of(*([make_record(dataset=digits, protocol={"epochs": e})] for e in (10, 20)))
    assert budget_curve.missing(curve) == {}


def test_an_ablation_that_changes_sides_is_found(small: tuple[GroupVerdict, ...]) -> None:
    (by_epochs,) = budget_curve.differences(small).values()
    assert by_epochs == pytest.approx({10: 0.02, EPOCHS: -0.01})
    assert budget_curve.changes_sign(by_epochs)
    alike = curve_of(
        *(at(e, v, n) for e in (10, 20) for v, n in (("paper", 770), ("baseline", 700)))
    )
    (unchanged,) = budget_curve.differences(alike).values()
    assert not budget_curve.changes_sign(unchanged)


def test_other_precisions_have_a_curve_of_their_own() -> None:
    runs = [
        make_record(protocol={"epochs": epochs, "precision": precision})
        for epochs in (10, 20)
        for precision in ("bf16", "fp32")
    ]
    curves_of = verdict.judge_groups(groups.group(runs)[0]).curves
    titles = [curve[0].group.title_without_epochs for curve in curves_of]
    assert sorted(titles) == [
        f"CIFAR-10 (official), {precision} on cpu" for precision in ("bf16", "fp32")
    ]


def test_the_figure_draws_what_has_two_budgets_and_ties_names_to_lines(
    small: tuple[GroupVerdict, ...],
) -> None:
    with style.applied():
        picture = by_epoch.by_budget(small)
    assert picture is not None
    (axes,) = picture.figure.axes
    assert "batch_norm" not in picture.alt
    assert "(1 to 2 runs each)" in picture.caption
    # Each name's thread ends where its line does.
    ends = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert ends["paper"] == pytest.approx((EPOCHS, 77.5))
    assert ends["no_lr_decay"] == pytest.approx((EPOCHS, 76.5))


def test_a_star_marks_what_a_look_has_settled_where_a_verdict_is_given() -> None:
    def cell(n: int, epochs: int) -> str:
        curve = curve_of(
            at(5, "paper", 700),
            at(epochs, "paper", *(780 + s % 2 for s in range(n))),
            at(epochs, "baseline", *(700 + s % 2 for s in range(n))),
        )
        return columns(curve)[f"{epochs} epochs"][1]

    assert "*" in cell(5, EPOCHS)
    assert "*" not in cell(4, EPOCHS)
    assert "*" not in cell(20, EPOCHS - 1)
