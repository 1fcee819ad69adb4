"""The budget curve as a table and in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.formatting import EMPTY, count, percent, points
from harness.protocol.decision import Decision
from harness.report.text import markup
from harness.verdict.budget_curve import _differences, _speaking, _turns, lines
from harness.verdict.outcomes import AblationResult
from harness.verdict.verdict import Judgement

NOT_RUN = "not run"


def columns(curve: Sequence[Judgement], rules: Decision) -> markup.Cells:
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


def _compared(name: str, differences: dict[int, float]) -> str:
    told = ", ".join(f"{points(value)} at {epochs}" for epochs, value in differences.items())
    return f"{name} {told}".strip()
