"""Tables of the report: each cell has its text and the number to sort by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness import formatting
from harness.analysis.calibration import Calibration
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Effect
from harness.formatting import EMPTY, interval, number, p_value, percent, signed_points
from harness.paper import reported
from harness.paper.assumptions import assumptions
from harness.paper.reported import recomputed
from harness.protocol.decision import Decision
from harness.protocol.presets import PROTOCOLS
from harness.report.text import comparison, markup
from harness.verdict.outcomes import ClassResult
from harness.verdict.verdict import GroupVerdict


def candidate_columns(calibration: Calibration) -> dict[str, list[str]]:
    """Return the candidates of a calibration as the columns of a table."""
    candidates = calibration.candidates
    return {
        "epochs": [str(c.epochs) for c in candidates],
        "seeds": [str(len(c.seeds)) for c in candidates],
        "validation accuracy, %": [formatting.percent(c.mean) for c in candidates],
        "standard error": [
            "-" if c.standard_error is None else formatting.percent(c.standard_error)
            for c in candidates
        ],
        "reaches it": ["yes" if c.reaches else "no" for c in candidates],
    }


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the number to sort by (None for words), and the name of its style."""

    text: str
    key: float | None = None
    style: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page; the first cell of each row is its name.

    Attributes:
        caption: what it shows.
        headers: (name, explanation) of each column; the explanation may be "".
        rows: the cells of each row, one per header.
        sortable: whether the page lets the reader sort it.
        prose: whether cells have sentences.
    """

    caption: str
    headers: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = False
    prose: bool = False

    @property
    def is_numeric(self) -> tuple[bool, ...]:
        """Whether each column has numbers."""
        return tuple(
            any(c.key is not None for c in cells) for cells in zip(*self.rows, strict=True)
        )


def _number_cell(text: str, value: float) -> Cell:
    return Cell(text, None if math.isnan(value) else float(value))


def _text_cells(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


CellFormat = Callable[[Any], Cell]


# Column -> (its meaning, how a row of `comparison.numbers` fills it).
def _ablation_columns(rules: Decision) -> dict[str, tuple[str, CellFormat]]:
    base, family = rules.contrasts.against, len(rules.contrasts.variants)
    return {
        "variant": ("", lambda r: Cell(r["variant"])),
        "n": (
            "finished runs of the latest look",
            lambda r: Cell(formatting.count_runs(r["n"], r["failed"]), float(r["n"])),
        ),
        "accuracy, %": ("mean over seeds, or the runs themselves if few", _accuracy_cell),
        "± ": ("half the interval of the mean, points", lambda r: _half_width(r, "accuracy")),
        "F1, %": ("macro F1", _number_format("macro_f1", percent)),
        f"vs {base}": (
            f"points above or below our runs of {base}, over the latest look that both have",
            _number_format("difference", signed_points),
        ),
        "interval": (
            "of the difference, points (Welch): the one that decides, or "
            f"{100 * rules.description.level:g} % if nothing is tested",
            lambda r: _number_cell(
                interval(r["difference_low"], r["difference_high"]), r["difference_low"]
            ),
        ),
        "look": ("of the difference", _look_format("difference_look")),
        "p": (
            f"sequential over the looks so far, after Holm over the {family} planned contrasts",
            _test_format("p_holm", p_value),
        ),
        "effect": (
            f"helps or hurts compared with {base}, once p is below {rules.contrasts.alpha:g}",
            _test_format("effect", lambda effect: comparison.EFFECTS[Effect(effect)]),
        ),
        "P(>)": (
            f"probability that a random run beats one of {base}",
            _number_format("p_better", number),
        ),
        "detects": (
            "smallest detectable difference, points",
            _number_format("detectable", percent),
        ),
        "SD": ("standard deviation over seeds, points", _number_format("accuracy_sd", percent)),
        "AUC": ("one-vs-rest, macro average", _number_format("auc", partial(number, digits=4))),
        "training": ("time per run", _number_format("train_seconds", formatting.duration)),
        "changes": ("settings that differ from the paper's", lambda r: Cell(r["changes"] or EMPTY)),
    }


def _number_format(name: str, to_text: Callable[[float], str]) -> CellFormat:
    """Return a function that fills a cell with the number of this name."""
    return lambda row: _number_cell(to_text(row[name]), row[name])


def _look_format(name: str) -> CellFormat:
    """Return a function that fills a cell with the number of a look; empty if it is 0."""
    return lambda row: Cell(str(row[name]), float(row[name])) if row[name] else Cell(EMPTY)


def _test_format(name: str, to_text: Callable[[Any], str]) -> CellFormat:
    """Return a function that fills a cell if its contrast is planned and has a look."""

    def fill(row: Mapping[str, Any]) -> Cell:
        planned = isinstance(row["effect"], str) and row["difference_look"]
        return Cell(to_text(row[name])) if planned else Cell(EMPTY)

    return fill


def _accuracy_cell(row: Mapping[str, Any]) -> Cell:
    runs = [percent(float(value)) for value in row["runs"].split()]
    text = ", ".join(runs) if len(runs) < 5 else ""
    return _number_cell(text or percent(row["accuracy"]), row["accuracy"])


def _half_width(row: Mapping[str, Any], name: str) -> Cell:
    half = (row[f"{name}_high"] - row[f"{name}_low"]) / 2
    return _number_cell(percent(half), half)


def ablation_table(group_verdict: GroupVerdict, rules: Decision) -> Table:
    """Return the comparison of the variants of a group, without its empty columns."""
    group = group_verdict.group
    columns = _ablation_columns(rules)
    records = comparison.numbers(group_verdict, rules.contrasts.against).to_dict("records")
    rows = [tuple(fill(row) for _, fill in columns.values()) for row in records]
    non_empty = [any(row[i].text != EMPTY for row in rows) for i in range(len(columns))]
    headers = [(name.strip(), note) for name, (note, _) in columns.items()]
    return Table(
        caption=f"Ablations: {group.title}, {group.dataset.split} images",
        headers=tuple(h for h, keep in zip(headers, non_empty, strict=True) if keep),
        rows=tuple(tuple(c for c, t in zip(row, non_empty, strict=True) if t) for row in rows),
        sortable=True,
    )


def recall_table(group_verdict: GroupVerdict, runs: VariantRuns) -> Table:
    """Return the recall of each class, with tests at the last look."""
    classes = group_verdict.group.dataset.classes
    ours = runs.per_class("recall", classes).mean(1)
    columns: dict[tuple[str, str], list[Cell]] = {
        ("class", ""): [Cell(name) for name in classes],
        ("ours, %", "mean over seeds"): [_number_cell(percent(v, 1), v) for v in map(float, ours)],
    }
    if group_verdict.group.comparable_to_paper:
        for run in reported.REPORTED_RUNS:
            lines = recomputed(run)[0]
            columns[f"run {run.number}, %", "of the paper"] = [
                _number_cell(percent(lines[name][1], 1), lines[name][1]) for name in classes
            ]
    tests = group_verdict.classes if runs.name == group_verdict.claim_runs.name else ()
    if tests:
        columns |= {
            ("points", "ours minus the paper's mean"): [
                _number_cell(signed_points(c.difference, 1), c.difference) for c in tests
            ],
            **_p_column(tests),
            ("detects", "smallest detectable difference, points"): [
                _number_cell(percent(c.detectable, 1), c.detectable) for c in tests
            ],
        }
    rows = tuple(zip(*columns.values(), strict=True))
    return Table(f"Recall of each class, {runs.name}", tuple(columns), rows, sortable=True)


def _p_column(results: Sequence[ClassResult]) -> dict[tuple[str, str], list[Cell]]:
    if all(math.isnan(c.p_holm) for c in results):
        return {}
    cells = [_number_cell(p_value(c.p_holm), c.p_holm) for c in results]
    return {("p", "after Holm over the classes"): cells}


def claims_table(group_verdict: GroupVerdict) -> Table:
    """Return the paper's claims with their status and the evidence from the runs."""
    rows = [
        (
            Cell(s.claim.sentence),
            Cell(s.status.value, style=s.status.value),
            *_text_cells(
                s.evidence,
                f"“{s.claim.quote}” ({s.claim.where})",
                f"confirmed if {s.claim.confirmed}; refuted if {s.claim.refuted}".replace("`", ""),
            ),
        )
        for s in group_verdict.claims
    ]
    return _prose_table(
        "The paper's claims and what the runs say",
        ("claim", "verdict", "evidence", "the paper's words", "criteria"),
        rows,
    )


def assumptions_table(rules: Decision) -> Table:
    """Return what the paper does not state, with the assumption made for it and why."""
    rows = [
        _text_cells(u.what, u.assumption, u.why) for u in assumptions(PROTOCOLS["cifar10"], rules)
    ]
    return _prose_table("What the paper leaves open", ("not stated", "assumption", "reason"), rows)


def table_of_columns(caption: str, columns: markup.Columns) -> Table:
    """Return a table of texts from its columns."""
    rows = tuple(_text_cells(*row) for row in zip(*columns.values(), strict=True))
    return Table(caption, tuple((name, "") for name in columns), rows)


def _prose_table(caption: str, headers: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> Table:
    return Table(caption, tuple((h, "") for h in headers), tuple(rows), prose=True)
