"""What the first screen says: the claim, the outcome, the data, and how sure that is. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness import formatting
from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Outcome
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.text import budget
from harness.report.text.accuracy import (
    built_in,
    interval,
    is_tuned,
    look_name,
    reason,
    verdict_label,
)
from harness.verdict import audit
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class SummaryRow:
    """A line of the first screen; `alarm` where it must not be overlooked."""

    name: str
    value: str
    detail: str = ""
    alarm: bool = False


@dataclass(frozen=True)
class Summary:
    """The first screen.

    Attributes:
        verdict_label: see `harness.report.text.accuracy.verdict_label`.
        tone: "match", "mismatch" or "open", for its colour.
        sentence: what that means.
        facts: claim, result, data, certainty.
    """

    verdict_label: str
    style: str
    sentence: str
    rows: tuple[SummaryRow, ...]


_TONES = {
    Outcome.REPRODUCED: "match",
    Outcome.EXCEEDED: "mismatch",
    Outcome.NOT_REACHED: "mismatch",
    Outcome.UNDECIDED: "open",
}


def answer(found: Study) -> Summary:
    """The answer that the leading judgement gives."""
    rules, lead = found.verdict.rules, found.primary
    facts = [_claim(), _result(lead), _data(lead), _certainty(lead, rules), *own_tables()]
    facts += _changing(found)
    facts += [_others(lead)] if lead.eligibility.allows_verdict else []
    facts += [
        SummaryRow(f"At {j.epochs} epochs", verdict_label(j), j.eligibility.reason)
        for j in found.group_verdicts[1:]
        if j.eligibility.allows_verdict
    ]
    return Summary(
        verdict_label=verdict_label(lead),
        style=_TONES[lead.outcome] if lead.outcome else "open",
        sentence=_sentence(lead, rules),
        rows=tuple(facts),
    )


def _sentence(lead: GroupVerdict, rules: Decision) -> str:
    found = lead.accuracy
    if found is None:
        return "These runs are on other images: they say nothing about the paper's accuracy."
    if not found.n:
        return f"No run of {rules.accuracy.variant} has finished."
    if lead.outcome is None:
        return f"{_near(found)} This decides nothing: {lead.eligibility.reason}."
    if lead.outcome is Outcome.REPRODUCED:
        return (
            f"The paper's accuracy was reproduced within {100 * rules.accuracy.margin:g} point. "
            "Its text can be read so that it gives 75 %, and no more than that."
        )
    if lead.outcome is Outcome.EXCEEDED:
        outcome = f"The paper's accuracy was not reproduced but exceeded. {_near(found)}"
        return f"{outcome} {built_in(rules)}" if is_tuned(lead) else outcome
    if lead.outcome is Outcome.NOT_REACHED:
        return f"The paper's accuracy was not reached. {_near(found)}"
    return f"{_near(found)} Nothing is decided yet: {reason(lead, rules)}."


def _near(found: AccuracyResult) -> str:
    runs = "The one run of ours lies" if found.n == 1 else f"Our {found.n} runs lie on average"
    return f"{runs} {_apart(found)}."


def _apart(found: AccuracyResult) -> str:
    side = "above" if found.difference > 0 else "below"
    return f"{abs(100 * found.difference):.2f} points {side} the paper's average"


def _claim() -> SummaryRow:
    reported = [recomputed(run)[1] for run in paper_reported.REPORTED_RUNS]
    runs = " and ".join(f"{formatting.percent(a)} %" for a in reported)
    return SummaryRow("The paper claims", "75 % test accuracy", f"its two published runs: {runs}")


def _result(lead: GroupVerdict) -> SummaryRow:
    found = lead.accuracy
    name = "What came out"
    if found is None or not found.n:
        return SummaryRow(name, "nothing to compare")
    if not found.look:
        runs = ", ".join(map(formatting.percent, found.runs))
        return SummaryRow(name, f"{runs} %", _apart(found))
    return SummaryRow(
        name,
        f"{formatting.percent(found.mean)} %",
        f"mean of {found.n} runs; {_apart(found)}, {interval(found)}",
    )


def _data(lead: GroupVerdict) -> SummaryRow:
    data = lead.group.dataset
    sizes = f"{data.train_size:,} images trained on, {data.test_size:,} judged on"
    name = "On which data"
    if data.official:
        alarm = data.split != "test"
        part = "the official CIFAR-10" + ", but not its test images" * alarm
        return SummaryRow(name, part, sizes, alarm)
    if tuple(data.classes) == CLASSES:
        return SummaryRow(name, "NOT the official CIFAR-10 files", f"{data.title}; {sizes}", True)
    return SummaryRow(name, "NOT CIFAR-10", f"{data.title}; {sizes}", True)


def _certainty(lead: GroupVerdict, rules: Decision) -> SummaryRow:
    found, name = lead.accuracy, "How sure"
    if found is None:
        total = formatting.pluralize(len(lead.group.records), "run")
        return SummaryRow(name, total, "none of them of the paper's task")
    runs = formatting.pluralize(found.n, "run")
    if found.failed:
        runs += f", {found.failed} failed"
    if not lead.eligibility.allows_verdict:
        return SummaryRow(name, runs, "figures, no verdict", alarm=True)
    if not found.look:
        return SummaryRow(name, runs, reason(lead, rules), alarm=True)
    settled = "settled at" if found.settled else "not settled at"
    limit = f"{100 * rules.accuracy.margin:g} point"
    detail = f"{100 * found.level:g} % interval, against a margin of {limit} either way"
    return SummaryRow(name, f"{settled} {look_name(found.look, rules)}", f"{runs}; {detail}")


def _changing(found: Study) -> list[SummaryRow]:
    """Ablations whose side depends on the number of epochs, which the paper does not state."""
    changing = {
        name: figures
        for curve in found.verdict.curves
        if found.primary in curve
        for name, figures in budget.turning(curve, found.verdict.rules).items()
    }
    if not changing:
        return []
    base = found.verdict.rules.contrasts.against
    figures = "; ".join(f"{name}: {by_epochs}" for name, by_epochs in changing.items())
    return [
        SummaryRow(
            "By number of epochs",
            f"{', '.join(changing)} {'change' if len(changing) > 1 else 'changes'} sides",
            f"points against {base}: {figures}; not tested",
            alarm=True,
        )
    ]


def own_tables() -> list[SummaryRow]:
    """What needs no runs: claims of the paper that its own tables contradict."""
    found = audit.audit().contradictions
    told = "; ".join(
        f"{c.figure} of every class is said to be {100 * c.low:g} to {100 * c.high:g} %, and is "
        f"{100 * c.smallest:.0f} to {100 * c.largest_from_matrix:.0f} %"
        + f" ({100 * c.largest:.0f} in print is an error)"
        * (c.largest > c.largest_from_matrix + 0.01)
        for c in found
    )
    count = f"{len(found)} of its claims" if len(found) > 1 else "one of its claims"
    return [SummaryRow("The paper's own tables", f"contradict {count}", told)] if found else []


def _others(lead: GroupVerdict) -> SummaryRow:
    counts = Counter(s.status for s in lead.claims)
    named = ", ".join(f"{counts[s]} {s.value}" for s in ClaimStatus if counts[s])
    return SummaryRow("All its claims", named, f"of {len(lead.claims)}; see the claims table")
