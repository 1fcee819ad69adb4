"""The first screen of the report: claim, outcome, dataset and certainty. Pure."""

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
from harness.verdict.audit import RangeCheck
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class SummaryRow:
    """A line of the first screen; `alarm` marks what must not be overlooked."""

    name: str
    value: str
    detail: str = ""
    alarm: bool = False


@dataclass(frozen=True)
class Summary:
    """The first screen.

    Attributes:
        verdict_label: see `harness.report.text.accuracy.verdict_label`.
        style: "match", "mismatch" or "open", for its colour.
        sentence: what the label means.
        rows: claim, result, dataset, certainty and more.
    """

    verdict_label: str
    style: str
    sentence: str
    rows: tuple[SummaryRow, ...]


_STYLES = {
    Outcome.REPRODUCED: "match",
    Outcome.EXCEEDED: "mismatch",
    Outcome.NOT_REACHED: "mismatch",
    Outcome.UNDECIDED: "open",
}


def summarize(study: Study) -> Summary:
    """Summarize a study by its primary group of runs."""
    rules, primary = study.verdict.rules, study.primary
    rows = [
        _claim_row(),
        _result_row(primary),
        _data_row(primary),
        _certainty_row(primary, rules),
        *contradicted_claims(),
    ]
    rows += _budget_rows(study)
    rows += [_claims_row(primary)] if primary.eligibility.allows_verdict else []
    rows += [
        SummaryRow(f"At {j.epochs} epochs", verdict_label(j), j.eligibility.reason)
        for j in study.group_verdicts[1:]
        if j.eligibility.allows_verdict
    ]
    return Summary(
        verdict_label=verdict_label(primary),
        style=_STYLES[primary.outcome] if primary.outcome else "open",
        sentence=_sentence(primary, rules),
        rows=tuple(rows),
    )


def _sentence(primary: GroupVerdict, rules: Decision) -> str:
    accuracy = primary.accuracy
    if accuracy is None:
        return "These runs are on other images: they say nothing about the paper's accuracy."
    if not accuracy.n:
        return f"No run of {rules.accuracy.variant} has finished."
    if primary.outcome is None:
        return f"{_distance_sentence(accuracy)} This decides nothing: {primary.eligibility.reason}."
    if primary.outcome is Outcome.REPRODUCED:
        return (
            f"The paper's accuracy was reproduced within {100 * rules.accuracy.margin:g} point. "
            "Its text can be read so that it gives 75 %, and no more than that."
        )
    if primary.outcome is Outcome.EXCEEDED:
        outcome = (
            f"The paper's accuracy was not reproduced but exceeded. {_distance_sentence(accuracy)}"
        )
        return f"{outcome} {built_in(rules)}" if is_tuned(primary) else outcome
    if primary.outcome is Outcome.NOT_REACHED:
        return f"The paper's accuracy was not reached. {_distance_sentence(accuracy)}"
    return f"{_distance_sentence(accuracy)} Nothing is decided yet: {reason(primary, rules)}."


def _distance_sentence(accuracy: AccuracyResult) -> str:
    runs = (
        "The one run of ours lies" if accuracy.n == 1 else f"Our {accuracy.n} runs lie on average"
    )
    return f"{runs} {_distance(accuracy)}."


def _distance(accuracy: AccuracyResult) -> str:
    side = "above" if accuracy.difference > 0 else "below"
    return f"{abs(100 * accuracy.difference):.2f} points {side} the paper's average"


def _claim_row() -> SummaryRow:
    reported = [recomputed(run)[1] for run in paper_reported.REPORTED_RUNS]
    runs = " and ".join(f"{formatting.percent(a)} %" for a in reported)
    return SummaryRow("The paper claims", "75 % test accuracy", f"its two published runs: {runs}")


def _result_row(primary: GroupVerdict) -> SummaryRow:
    accuracy = primary.accuracy
    name = "What came out"
    if accuracy is None or not accuracy.n:
        return SummaryRow(name, "nothing to compare")
    if not accuracy.look:
        runs = ", ".join(map(formatting.percent, accuracy.runs))
        return SummaryRow(name, f"{runs} %", _distance(accuracy))
    return SummaryRow(
        name,
        f"{formatting.percent(accuracy.mean)} %",
        f"mean of {accuracy.n} runs; {_distance(accuracy)}, {interval(accuracy)}",
    )


def _data_row(primary: GroupVerdict) -> SummaryRow:
    data = primary.group.dataset
    sizes = f"{data.train_size:,} images trained on, {data.test_size:,} judged on"
    name = "On which data"
    if data.official:
        alarm = data.split != "test"
        images = "the official CIFAR-10"
        if alarm:
            images += ", but not its test images"
        return SummaryRow(name, images, sizes, alarm)
    if tuple(data.classes) == CLASSES:
        return SummaryRow(name, "NOT the official CIFAR-10 files", f"{data.title}; {sizes}", True)
    return SummaryRow(name, "NOT CIFAR-10", f"{data.title}; {sizes}", True)


def _certainty_row(primary: GroupVerdict, rules: Decision) -> SummaryRow:
    accuracy, name = primary.accuracy, "How sure"
    if accuracy is None:
        total = formatting.pluralize(len(primary.group.records), "run")
        return SummaryRow(name, total, "none of them of the paper's task")
    runs = formatting.pluralize(accuracy.n, "run")
    if accuracy.failed:
        runs += f", {accuracy.failed} failed"
    if not primary.eligibility.allows_verdict:
        return SummaryRow(name, runs, "figures, no verdict", alarm=True)
    if not accuracy.look:
        return SummaryRow(name, runs, reason(primary, rules), alarm=True)
    settled = "settled at" if accuracy.settled else "not settled at"
    limit = f"{100 * rules.accuracy.margin:g} point"
    detail = f"{100 * accuracy.level:g} % interval, against a margin of {limit} either way"
    return SummaryRow(name, f"{settled} {look_name(accuracy.look, rules)}", f"{runs}; {detail}")


def _budget_rows(study: Study) -> list[SummaryRow]:
    """Return a row of the ablations whose sign depends on the number of epochs, if there are any.

    The paper does not state the number of epochs.
    """
    changing = {
        name: figures
        for curve in study.verdict.curves
        if study.primary in curve
        for name, figures in budget.turning(curve, study.verdict.rules).items()
    }
    if not changing:
        return []
    base = study.verdict.rules.contrasts.against
    figures = "; ".join(f"{name}: {by_epochs}" for name, by_epochs in changing.items())
    return [
        SummaryRow(
            "By number of epochs",
            f"{', '.join(changing)} {'change' if len(changing) > 1 else 'changes'} sides",
            f"points against {base}: {figures}; not tested",
            alarm=True,
        )
    ]


def contradicted_claims() -> list[SummaryRow]:
    """Return a row of the claims that the paper's own tables contradict; this needs no runs."""
    contradictions = audit.audit().contradictions
    if not contradictions:
        return []
    details = "; ".join(map(_contradiction, contradictions))
    n = len(contradictions)
    count = f"{n} of its claims" if n > 1 else "one of its claims"
    return [SummaryRow("The paper's own tables", f"contradict {count}", details)]


def _contradiction(claim: RangeCheck) -> str:
    text = (
        f"{claim.figure} of every class is said to be {100 * claim.low:g} to "
        f"{100 * claim.high:g} %, and is {100 * claim.smallest:.0f} to "
        f"{100 * claim.largest_from_matrix:.0f} %"
    )
    if claim.largest > claim.largest_from_matrix + 0.01:
        text += f" ({100 * claim.largest:.0f} in print is an error)"
    return text


def _claims_row(primary: GroupVerdict) -> SummaryRow:
    counts = Counter(s.status for s in primary.claims)
    by_status = ", ".join(f"{counts[s]} {s.value}" for s in ClaimStatus if counts[s])
    return SummaryRow(
        "All its claims", by_status, f"of {len(primary.claims)}; see the claims table"
    )
