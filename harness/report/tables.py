"""The report's tables: text to read, and a number to sort by."""

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


def columns(found: Calibration) -> dict[str, list[str]]:
    """The candidates tried, as the columns of a table."""
    tried = found.candidates
    return {
        "epochs": [str(c.epochs) for c in tried],
        "seeds": [str(len(c.seeds)) for c in tried],
        "validation accuracy, %": [formatting.percent(c.mean) for c in tried],
        "standard error": [
            "-" if c.standard_error is None else formatting.percent(c.standard_error) for c in tried
        ],
        "reaches it": ["yes" if c.reaches else "no" for c in tried],
    }


@dataclass(frozen=True)
class Cell:
    """Text, the number it is sorted by where it stands for one, and a name for its colour."""

    text: str
    key: float | None = None
    style: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page; the first cell of a row names it.

    Attributes:
        caption: what it shows.
        headers: a text a column, with a longer explanation or "".
        rows: cells, as many as headers.
        sortable: whether a reader may want another order.
        prose: whether its cells hold sentences.
    """

    caption: str
    headers: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = False
    prose: bool = False

    @property
    def figures(self) -> tuple[bool, ...]:
        """Of each column, whether figures stand in it."""
        return tuple(
            any(c.key is not None for c in cells) for cells in zip(*self.rows, strict=True)
        )


def _figure(text: str, value: float) -> Cell:
    return Cell(text, None if math.isnan(value) else float(value))


def _words(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


CellFormat = Callable[[Any], Cell]


# Column -> (what it means, how a row of `harness.analysis.comparison.table` fills it).
def _ablation_columns(rules: Decision) -> dict[str, tuple[str, CellFormat]]:
    base, family = rules.contrasts.against, len(rules.contrasts.variants)
    return {
        "variant": ("", lambda r: Cell(r["variant"])),
        "n": (
            "finished runs of the latest look",
            lambda r: Cell(formatting.count_runs(r["n"], r["failed"]), float(r["n"])),
        ),
        "accuracy, %": ("mean over seeds, or the runs where they are few", _accuracy),
        "± ": ("half of the mean's interval, points", lambda r: _half(r, "accuracy")),
        "F1, %": ("macro F1", _of("macro_f1", percent)),
        f"vs {base}": (
            f"points above or below our runs of {base}, over the seeds of the latest look of both",
            _of("difference", signed_points),
        ),
        "interval": (
            "of the difference, points (Welch): the one that decides, or at "
            f"{100 * rules.description.level:g} % where nothing is tested",
            lambda r: _figure(
                interval(r["difference_low"], r["difference_high"]), r["difference_low"]
            ),
        ),
        "look": ("of the difference", _look("difference_look")),
        "p": (
            f"sequential over the looks so far, after Holm over the {family} planned contrasts",
            _tested("p_holm", p_value),
        ),
        "effect": (
            f"helps or hurts compared with {base}, once p is below {rules.contrasts.alpha:g}",
            _tested("effect", lambda effect: comparison.EFFECTS[Effect(effect)]),
        ),
        "P(>)": (f"chance that a random run beats one of {base}", _of("p_better", number)),
        "detects": ("smallest difference that would be found, points", _of("detectable", percent)),
        "SD": ("standard deviation over seeds, points", _of("accuracy_sd", percent)),
        "AUC": ("one against the rest, macro", _of("auc", partial(number, digits=4))),
        "training": ("time of a run", _of("train_seconds", formatting.duration)),
        "changes": ("settings that differ from the paper's", lambda r: Cell(r["changes"] or EMPTY)),
    }


def _of(name: str, written: Callable[[float], str]) -> CellFormat:
    """Fills a cell with the figure of that name."""
    return lambda row: _figure(written(row[name]), row[name])


def _look(name: str) -> CellFormat:
    """Fills a cell with the number of a look, 0 where there is none."""
    return lambda row: Cell(str(row[name]), float(row[name])) if row[name] else Cell(EMPTY)


def _tested(name: str, written: Callable[[Any], str]) -> CellFormat:
    """Fills a cell of a planned contrast that has a look."""

    def fill(row: Mapping[str, Any]) -> Cell:
        planned = isinstance(row["effect"], str) and row["difference_look"]
        return Cell(written(row[name])) if planned else Cell(EMPTY)

    return fill


def _accuracy(row: Mapping[str, Any]) -> Cell:
    runs = [percent(float(value)) for value in row["runs"].split()]
    shown = ", ".join(runs) if len(runs) < 5 else ""
    return _figure(shown or percent(row["accuracy"]), row["accuracy"])


def _half(row: Mapping[str, Any], name: str) -> Cell:
    half = (row[f"{name}_high"] - row[f"{name}_low"]) / 2
    return _figure(percent(half), half)


def ablations(judgement: GroupVerdict, rules: Decision) -> Table:
    """The table of `harness.analysis.comparison`, for people."""
    group = judgement.group
    columns = _ablation_columns(rules)
    records = comparison.numbers(judgement, rules.contrasts.against).to_dict("records")
    rows = [tuple(fill(row) for _, fill in columns.values()) for row in records]
    shown = [any(row[i].text != EMPTY for row in rows) for i in range(len(columns))]
    heads = [(name.strip(), note) for name, (note, _) in columns.items()]
    return Table(
        caption=f"Ablations: {group.title}, {group.dataset.split} images",
        headers=tuple(h for h, there in zip(heads, shown, strict=True) if there),
        rows=tuple(tuple(c for c, t in zip(row, shown, strict=True) if t) for row in rows),
        sortable=True,
    )


def recall(judgement: GroupVerdict, arm: VariantRuns) -> Table:
    """Recall of each class, in figures; tests at the last look."""
    classes = judgement.group.dataset.classes
    ours = arm.per_class("recall", classes).mean(1)
    columns: dict[tuple[str, str], list[Cell]] = {
        ("class", ""): [Cell(name) for name in classes],
        ("ours, %", "mean over seeds"): [_figure(percent(v, 1), v) for v in map(float, ours)],
    }
    if judgement.group.comparable_to_paper:
        for run in reported.REPORTED_RUNS:
            lines = recomputed(run)[0]
            columns[f"run {run.number}, %", "of the paper"] = [
                _figure(percent(lines[name][1], 1), lines[name][1]) for name in classes
            ]
    found = judgement.classes if arm.name == judgement.claim_runs.name else ()
    if found:
        columns |= {
            ("points", "ours minus the paper's mean"): [
                _figure(signed_points(c.difference, 1), c.difference) for c in found
            ],
            **_tests(found),
            ("detects", "smallest difference that would be found, points"): [
                _figure(percent(c.detectable, 1), c.detectable) for c in found
            ],
        }
    rows = tuple(zip(*columns.values(), strict=True))
    return Table(f"Recall of each class, {arm.name}", tuple(columns), rows, sortable=True)


def _tests(found: Sequence[ClassResult]) -> dict[tuple[str, str], list[Cell]]:
    if all(math.isnan(c.p_holm) for c in found):
        return {}
    cells = [_figure(p_value(c.p_holm), c.p_holm) for c in found]
    return {("p", "after Holm over the classes"): cells}


def claims_of(judgement: GroupVerdict) -> Table:
    """The paper's claims, in its words, and what the runs say."""
    rows = [
        (
            Cell(s.claim.sentence),
            Cell(s.status.value, style=s.status.value),
            *_words(
                s.evidence,
                f"“{s.claim.quote}” ({s.claim.where})",
                f"confirmed if {s.claim.confirmed}; refuted if {s.claim.refuted}".replace("`", ""),
            ),
        )
        for s in judgement.claims
    ]
    return _prose(
        "The paper's claims and what the runs say",
        ("claim", "verdict", "evidence", "the paper's words", "settled by"),
        rows,
    )


def unknowns_table(rules: Decision) -> Table:
    """What the paper leaves open."""
    rows = [_words(u.what, u.assumption, u.why) for u in assumptions(PROTOCOLS["cifar10"], rules)]
    return _prose("What the paper leaves open", ("not stated", "assumed", "why"), rows)


def of_columns(caption: str, columns: markup.Columns) -> Table:
    """A table of texts that another command prints."""
    rows = tuple(_words(*row) for row in zip(*columns.values(), strict=True))
    return Table(caption, tuple((name, "") for name in columns), rows)


def _prose(caption: str, headers: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> Table:
    return Table(caption, tuple((h, "") for h in headers), tuple(rows), prose=True)
