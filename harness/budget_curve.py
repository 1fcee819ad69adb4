"""What hangs on the number of epochs: accuracy and ablations at several budgets. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness import rendering
from harness.decision import Decision
from harness.judging import AblationResult
from harness.rendering import EMPTY, count, percent, points
from harness.verdict import Judgement

NOT_RUN = "not run"


@dataclass(frozen=True)
class Line:
    """One variant over the budgets.

    Attributes:
        variant: its name.
        rows: by number of epochs, where it has finished runs; at least one.
    """

    variant: str
    rows: dict[int, AblationResult]

    def differences(self) -> dict[int, float]:
        """Points of accuracy (fractions) against the variant that all are held against, by
        number of epochs; empty for that one itself."""
        contrasts = {epochs: row.contrast for epochs, row in self.rows.items()}
        found = {epochs: c.difference for epochs, c in contrasts.items() if c is not None}
        return {epochs: value for epochs, value in found.items() if not math.isnan(value)}

    def turns(self) -> bool:
        """Whether it is better at one budget and worse at another."""
        values = self.differences().values()
        return any(v > 0 for v in values) and any(v < 0 for v in values)


def lines(curve: Sequence[Judgement]) -> list[Line]:
    """Every planned variant that has finished runs, in the order of the decision file, the one
    that the others are held against first.

    Args:
        curve: judgements that differ in nothing but the budget.
    """
    found: dict[str, dict[int, AblationResult]] = {}
    for judgement in curve:
        for row in judgement.ablations:
            rows = found.setdefault(row.variant, {})
            if row.n:
                rows[judgement.epochs] = row
    return [Line(variant, rows) for variant, rows in found.items() if rows]


def columns(curve: Sequence[Judgement], rules: Decision) -> rendering.Cells:
    """A row for each variant, a column for each budget: accuracy of the variant that the others
    are held against, their differences to it, and runs; * where a planned test finds one."""
    shown = lines(curve)
    return {
        "variant": [line.variant for line in shown],
        **{
            count(j.epochs, "epoch"): [_cell(line.rows.get(j.epochs), j, rules) for line in shown]
            for j in curve
        },
    }


def _cell(row: AblationResult | None, judgement: Judgement, rules: Decision) -> str:
    if row is None:
        return NOT_RUN
    if row.contrast is None:
        return f"{percent(row.mean)} % ({row.n})"
    if math.isnan(row.contrast.difference):
        return f"{EMPTY} ({row.n})"
    real = judgement.tested(rules, row.variant) and row.contrast.holm < rules.tests.alpha
    return f"{points(row.contrast.difference)}{'*' * real} ({row.n})"


def legend(curve: Sequence[Judgement], rules: Decision) -> str:
    """What stands in `columns`, and what the decision file wants published and is not there."""
    base = rules.contrasts.against
    told = [
        f"{base}: mean accuracy; the others: points above or below it; in brackets finished runs."
    ]
    if any("*" in cell for cells in columns(curve, rules).values() for cell in cells):
        told.append(f"*: p < {rules.tests.alpha:g} after Holm.")
    return " ".join([*told, *lacking(curve, rules)])


def lacking(curve: Sequence[Judgement], rules: Decision) -> list[str]:
    """Which budgets of the decision file have no runs, and which variants lack at the others."""
    there = {judgement.epochs: judgement for judgement in curve}
    wanted = rules.budgets.curve
    absent = [str(epochs) for epochs in wanted if epochs not in there]
    told = [f"Not run: {', '.join(absent)} epochs."] if absent else []
    for epochs in wanted:
        if epochs in there:
            none = [row.variant for row in there[epochs].ablations if not row.n]
            told += [f"Not run at {epochs} epochs: {', '.join(none)}."] if none else []
    return told


def sentence(curve: Sequence[Judgement], rules: Decision) -> str:
    """The figures at every budget, and whether an ablation changes sides; empty where no variant
    has been run at two budgets."""
    several = [line for line in lines(curve) if len(line.rows) > 1]
    own = next((line for line in several if line.variant == rules.contrasts.against), None)
    if own is None:
        return ""
    means = ", ".join(
        f"{percent(row.mean)} % at {epochs} epochs ({count(row.n, 'run')})"
        for epochs, row in own.rows.items()
    )
    others = [_compared(line) for line in several if len(line.differences()) > 1]
    against = f" Against it, in points: {'; '.join(others)}." if others else ""
    return f"By budget {own.variant} reaches {means}.{against}"


def _compared(line: Line) -> str:
    told = ", ".join(f"{points(v)} at {epochs}" for epochs, v in line.differences().items())
    return f"{line.variant} {told}" + " (it changes sides)" * line.turns()
