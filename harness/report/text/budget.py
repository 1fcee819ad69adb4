"""The budget curve as a table and in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.analysis.contrasts import VariantResult
from harness.analysis.sequential import Effect
from harness.formatting import EMPTY, percent, pluralize, signed_points
from harness.protocol.decision import Decision
from harness.report.text import markup
from harness.verdict import budget_curve
from harness.verdict.verdict import GroupVerdict

NOT_RUN = "not run"


def columns(curve: Sequence[GroupVerdict], rules: Decision) -> markup.Columns:
    """A row for each variant, a column for each budget: accuracy of the variant that the others
    are compared with, their differences from it, and runs; * where a planned test settled one."""
    shown = budget_curve.lines(curve, rules)
    return {
        "variant": [line.variant for line in shown],
        **{
            pluralize(j.epochs, "epoch"): [_cell(line.rows.get(j.epochs)) for line in shown]
            for j in curve
        },
    }


def _cell(row: VariantResult | None) -> str:
    if row is None:
        return NOT_RUN
    ran = f"{row.n}, {row.failed} failed" if row.failed else f"{row.n}"
    if row.contrast is None:
        return f"{percent(row.mean)} % ({ran})" if row.n else f"{EMPTY} ({ran})"
    if math.isnan(row.contrast.difference):
        return f"{EMPTY} ({ran})"
    star = "*" if row.contrast.effect in (Effect.HELPS, Effect.HURTS) else ""
    return f"{signed_points(row.contrast.difference)}{star} ({ran})"


def legend(curve: Sequence[GroupVerdict], rules: Decision) -> str:
    """What stands in `columns`, and what the decision file wants published and is not there."""
    base = rules.contrasts.against
    told = [
        f"{base}: mean accuracy; the others: points above or below it; in brackets finished runs."
    ]
    if any("*" in cell for cells in columns(curve, rules).values() for cell in cells):
        told.append(f"*: p < {rules.contrasts.alpha:g} after Holm.")
    return " ".join([*told, *lacking(curve, rules)])


def lacking(curve: Sequence[GroupVerdict], rules: Decision) -> list[str]:
    """Which budgets of the decision file have no runs, and which variants lack at the others;
    empty where no budget gives a verdict."""
    if not any(judgement.eligibility.allows_verdict for judgement in curve):
        return []
    there = {judgement.epochs: judgement for judgement in curve}
    wanted = rules.budgets.curve
    absent = [str(epochs) for epochs in wanted if epochs not in there]
    told = [f"Not run: {', '.join(absent)} epochs."] if absent else []
    for epochs in wanted:
        if epochs in there:
            run = {r.variant for r in there[epochs].variants if r.n or r.failed}
            none = [name for name in rules.variants if name not in run]
            told += [f"Not run at {epochs} epochs: {', '.join(none)}."] if none else []
    return told


def sentence(curve: Sequence[GroupVerdict], rules: Decision) -> str:
    """The figures at every budget, and whether an ablation changes sides; empty where no variant
    has been run at two budgets. What too many failed runs leave of a variant is not compared."""
    base = rules.contrasts.against
    own = budget_curve.comparable(curve, rules).get(base, {})
    if len(own) < 2:
        return ""
    means = ", ".join(
        f"{percent(row.mean)} % at {epochs} epochs ({pluralize(row.n, 'run')})"
        for epochs, row in own.items()
    )
    named = [
        _compared(name, found) + (" (it changes sides)" if budget_curve.changes_sign(found) else "")
        for name, found in budget_curve.differences(curve, rules).items()
    ]
    against = f" Against it, in points: {'; '.join(named)}. Any of this may be chance."
    return f"By budget {base} reaches {means}.{against if named else ''}"


def turning(curve: Sequence[GroupVerdict], rules: Decision) -> dict[str, str]:
    """The ablations that are better at one budget and worse at another, with their figures."""
    return {
        name: _compared("", by_epochs)
        for name, by_epochs in budget_curve.differences(curve, rules).items()
        if budget_curve.changes_sign(by_epochs)
    }


def _compared(name: str, differences: dict[int, float]) -> str:
    told = ", ".join(f"{signed_points(value)} at {epochs}" for epochs, value in differences.items())
    return f"{name} {told}".strip()
