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
        rows: by number of epochs, where it has runs, finished or failed; at least one.
    """

    variant: str
    rows: dict[int, AblationResult]

    def speaking(self, most_failed: float) -> dict[int, AblationResult]:
        """The rows but for those of which more than this share of the runs failed."""
        return {
            epochs: row
            for epochs, row in self.rows.items()
            if row.failed <= most_failed * (row.n + row.failed)
        }


def lines(curve: Sequence[Judgement]) -> list[Line]:
    """Every planned variant that has runs, in the order of the decision file, the one
    that the others are held against first.

    Args:
        curve: judgements that differ in nothing but the budget.
    """
    found: dict[str, dict[int, AblationResult]] = {}
    for judgement in curve:
        for row in judgement.ablations:
            rows = found.setdefault(row.variant, {})
            if row.n or row.failed:
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
    ran = f"{row.n}" + f", {row.failed} failed" * bool(row.failed)
    if row.contrast is None:
        return f"{percent(row.mean)} % ({ran})" if row.n else f"{EMPTY} ({ran})"
    if math.isnan(row.contrast.difference):
        return f"{EMPTY} ({ran})"
    real = judgement.tested(rules, row.variant) and row.contrast.holm < rules.tests.alpha
    return f"{points(row.contrast.difference)}{'*' * real} ({ran})"


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
    """Which budgets of the decision file have no runs, and which variants lack at the others;
    empty for images and protocols that it has no plan for."""
    if not any(judgement.standing.planned for judgement in curve):
        return []
    there = {judgement.epochs: judgement for judgement in curve}
    wanted = rules.budgets.curve
    absent = [str(epochs) for epochs in wanted if epochs not in there]
    told = [f"Not run: {', '.join(absent)} epochs."] if absent else []
    for epochs in wanted:
        if epochs in there:
            none = [r.variant for r in there[epochs].ablations if not r.n and not r.failed]
            told += [f"Not run at {epochs} epochs: {', '.join(none)}."] if none else []
    return told


def sentence(curve: Sequence[Judgement], rules: Decision) -> str:
    """The figures at every budget, and whether an ablation changes sides; empty where no variant
    has been run at two budgets. What too many failed runs leave of a variant is not compared."""
    own = _speaking(curve, rules).get(rules.contrasts.against, {})
    if len(own) < 2:
        return ""
    means = ", ".join(
        f"{percent(row.mean)} % at {epochs} epochs ({count(row.n, 'run')})"
        for epochs, row in own.items()
    )
    told = [
        _compared(name, found) + " (it changes sides)" * _turns(found)
        for name, found in _differences(curve, rules).items()
    ]
    against = f" Against it, in points: {'; '.join(told)}. Any of this may be chance."
    return f"By budget {rules.contrasts.against} reaches {means}.{against * bool(told)}"


def turning(curve: Sequence[Judgement], rules: Decision) -> dict[str, str]:
    """The ablations that are better at one budget and worse at another, with their figures."""
    found = _differences(curve, rules)
    return {
        name: _compared("", by_epochs) for name, by_epochs in found.items() if _turns(by_epochs)
    }


def _speaking(curve: Sequence[Judgement], rules: Decision) -> dict[str, dict[int, AblationResult]]:
    return {line.variant: line.speaking(rules.accuracy.most_failed) for line in lines(curve)}


def _differences(curve: Sequence[Judgement], rules: Decision) -> dict[str, dict[int, float]]:
    """Variant -> epochs -> points of accuracy (fractions) against the one that all are held
    against, where both speak at two budgets or more."""
    rows = _speaking(curve, rules)
    own = rows.pop(rules.contrasts.against, {})
    found = {
        name: {
            epochs: row.contrast.difference
            for epochs, row in by_epochs.items()
            if epochs in own and row.contrast is not None
        }
        for name, by_epochs in rows.items()
    }
    return {name: by_epochs for name, by_epochs in found.items() if len(by_epochs) > 1}


def _turns(differences: dict[int, float]) -> bool:
    return min(differences.values()) < 0 < max(differences.values())


def _compared(name: str, differences: dict[int, float]) -> str:
    told = ", ".join(f"{points(value)} at {epochs}" for epochs, value in differences.items())
    return f"{name} {told}".strip()
