"""The audit of the paper's tables against a count by hand."""

from __future__ import annotations

import dataclasses
import json

import pytest

from harness.paper import reported
from harness.paper.claims import F1, PRECISION, Range
from harness.paper.reported import recomputed
from harness.report.pages.audit import render
from harness.report.tables.formats import TableFormat
from harness.verdict.audit import audit

ONE, TWO = reported.REPORTED_RUNS


def corrected() -> reported.ReportedRun:
    """Run 1 as it should have been printed."""
    rows = list(ONE.report.rows)
    rows[1] = (0.86, *rows[1][1:])
    return dataclasses.replace(ONE, report=dataclasses.replace(ONE.report, rows=tuple(rows)))


def test_the_matrices_are_those_of_the_text() -> None:
    # 1,000 images a class, as section 4.2 says, and the diagonals added up by hand.
    for run, right in ((ONE, 7539), (TWO, 7485)):
        assert [sum(row) for row in run.confusion_matrix] == [1000] * 10
        assert sum(row[i] for i, row in enumerate(run.confusion_matrix)) == right


def test_a_report_is_recomputed_as_by_hand() -> None:
    lines, accuracy = recomputed(ONE)
    column = sum(row[1] for row in ONE.confusion_matrix)
    assert column == 1013
    assert lines["automobile"] == pytest.approx((876 / 1013, 0.876, 2 * 876 / 2013, 1000))
    assert accuracy == 0.7539
    assert lines["macro avg"] == pytest.approx((0.7562, 0.7539, 0.7536, 10_000), abs=5e-5)


def test_the_one_disagreement_is_the_precision_of_automobile_in_run_1() -> None:
    (disagreement,) = audit().disagreements
    assert (disagreement.run, disagreement.row, disagreement.column) == (
        1,
        "automobile",
        "precision",
    )
    assert disagreement.printed == 0.96
    assert disagreement.from_matrix == pytest.approx(876 / 1013)


def test_corrected_tables_pass_clean() -> None:
    assert audit([corrected(), TWO]).disagreements == ()
    wide = Range("precision", 0.5, 0.9)
    clean = audit([corrected(), TWO], [wide, F1])
    assert (clean.disagreements, clean.contradictions) == ((), ())
    assert "agree with the printed matrices" in render(clean, TableFormat.MARKDOWN)


def test_ties_in_rounding_may_be_printed_either_way() -> None:
    # Recall of horse in run 1 is 0.815: printed 0.81, it might have been 0.82, but not 0.83.
    for printed, faults in ((0.81, 0), (0.82, 0), (0.83, 1), (0.80, 1)):
        rows = list(corrected().report.rows)
        rows[7] = (rows[7][0], printed, *rows[7][2:])
        run = dataclasses.replace(ONE, report=dataclasses.replace(ONE.report, rows=tuple(rows)))
        assert len(audit([run]).disagreements) == faults


@pytest.mark.parametrize(
    ("change", "row", "column"),
    [
        ({"accuracy": 0.76}, "accuracy", "accuracy"),
        ({"averages": ((0.76, 0.75, 0.76, 10_000), ONE.report.averages[1])}, "macro avg", "f1"),
        (
            {"averages": (ONE.report.averages[0], (0.76, 0.75, 0.75, 9_000))},
            "weighted avg",
            "support",
        ),
    ],
)
def test_every_other_row_is_compared_with_the_matrix_too(
    change: dict[str, object], row: str, column: str
) -> None:
    run = corrected()
    report = dataclasses.replace(run.report, **change)  # type: ignore[arg-type]
    (disagreement,) = audit([dataclasses.replace(run, report=report)]).disagreements
    assert (disagreement.row, disagreement.column) == (row, column)


def test_the_precision_claim_is_contradicted_and_the_f1_claim_is_not() -> None:
    (precision,) = audit().contradictions
    assert precision.figure == PRECISION.figure
    assert (precision.smallest, precision.largest) == (0.55, 0.96)
    assert round(precision.largest_from_matrix, 2) == 0.90
    # Counted by hand in both printed reports.
    assert [(run, name) for run, name, _ in precision.outside] == [
        (1, "automobile"),
        (1, "cat"),
        (1, "ship"),
        (1, "truck"),
        (2, "automobile"),
        (2, "ship"),
        (2, "truck"),
    ]
    f1 = audit(ranges=[F1]).ranges[0]
    assert (f1.smallest, f1.largest, f1.outside) == (0.54, 0.88, ())


def test_the_two_runs_are_not_distinguishable() -> None:
    result = audit()
    assert result.z == pytest.approx(0.88, abs=0.005)
    assert result.distinguishable is False
    assert [(round(s.low, 4), round(s.high, 4)) for s in result.summaries] == [
        (0.7454, 0.7622),
        (0.7399, 0.7569),
    ]


def test_runs_far_apart_are_distinguishable() -> None:
    matrix = [[900 if i == j else 0 for j in range(10)] for i in range(10)]
    for i in range(10):
        matrix[i][(i + 1) % 10] = 100
    other = dataclasses.replace(TWO, confusion_matrix=tuple(map(tuple, matrix)))
    assert audit([ONE, other]).distinguishable is True


def test_json_lists_exactly_one_disagreement_between_tables() -> None:
    fields = json.loads(render(audit(), TableFormat.JSON))
    assert fields["disagreements"] == [
        {
            "run": 1,
            "class": "automobile",
            "figure": "precision",
            "printed": 0.96,
            "from_matrix": 0.8648,
        }
    ]
    assert "chosen for presentation" in fields["selection"]


@pytest.mark.parametrize("form", TableFormat)
def test_every_form_shows_the_disagreement(form: TableFormat) -> None:
    text = render(audit(), form)
    assert "automobile" in text
    assert "0.96" in text
    assert "0.8648" in text
    assert text == render(audit(), form)
