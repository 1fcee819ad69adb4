"""What the first screen says: the claim, the outcome, the data, and how sure that is. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from harness import formatting
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol.decision import Decision
from harness.report.text import budget
from harness.report.text.accuracy import UNPLANNED, built_in, exceeds, interval, needed, word
from harness.verdict import audit, claim_status
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.study import Found
from harness.verdict.verdict import Judgement


@dataclass(frozen=True)
class Fact:
    """A line of the first screen; `alarm` where it must not be overlooked."""

    name: str
    value: str
    detail: str = ""
    alarm: bool = False


@dataclass(frozen=True)
class Answer:
    """The first screen.

    Attributes:
        word: see `harness.report.text.accuracy.word`.
        tone: "match", "mismatch" or "open", for its colour.
        sentence: what that means.
        facts: claim, result, data, certainty.
    """

    word: str
    tone: str
    sentence: str
    facts: tuple[Fact, ...]


def answer(found: Found) -> Answer:
    """The answer that the leading judgement gives."""
    rules, lead = found.verdict.rules, found.lead
    tones = {rules.outcomes.inside: "match", rules.outcomes.outside: "mismatch"}
    facts = [_claim(), _result(lead, rules), _data(lead), _certainty(lead, rules), *own_tables()]
    facts += _turning(found)
    facts += [_others(lead)] if lead.standing.decides else []
    facts += [
        Fact(f"At {j.epochs} epochs", word(j, rules), j.standing.heading)
        for j in found.judgements[1:]
        if j.standing.decides
    ]
    return Answer(
        word=word(lead, rules),
        tone=tones.get(lead.outcome or "", "open"),
        sentence=_sentence(lead, rules),
        facts=tuple(facts),
    )


def _sentence(lead: Judgement, rules: Decision) -> str:
    found = lead.accuracy
    if found is None:
        return "These runs are on other images: they say nothing about the paper."
    if not found.n:
        return f"No run of {rules.accuracy.variant} has finished."
    if lead.outcome is None:
        return f"{_near(found)} This decides nothing: {'; and '.join(_obstacles(lead, rules))}."
    if lead.outcome == rules.outcomes.inside:
        return (
            f"The paper's accuracy was reproduced within {100 * rules.accuracy.margin:g} point. "
            "Its text can be read so that it gives 75 %, and no more than that."
        )
    if exceeds(lead, rules):
        outcome = f"The paper's accuracy was not reproduced but exceeded. {_near(found)}"
        return f"{outcome} {built_in(lead, rules)}".strip()
    if lead.outcome == rules.outcomes.outside:
        return f"The paper's accuracy was not reproduced. {_near(found)}"
    if (own := lead.own(rules)).interim(rules):
        ran = f"{own.ran} of {rules.seeds.accuracy} have"
        return f"{_near(found)} Nothing is decided before all planned seeds have been run: {ran}."
    return f"{_near(found)} Neither agreement nor disagreement is shown: {found.reason}."


def _near(found: AccuracyResult) -> str:
    runs = "The one run of ours lies" if found.n == 1 else f"Our {found.n} runs lie on average"
    return f"{runs} {_apart(found)}."


def _apart(found: AccuracyResult) -> str:
    side = "above" if found.difference > 0 else "below"
    return f"{abs(100 * found.difference):.2f} points {side} the paper's average"


def _obstacles(lead: Judgement, rules: Decision) -> list[str]:
    assert lead.accuracy is not None
    found, own, planned = lead.accuracy, lead.own(rules), rules.seeds.accuracy
    reasons = [_no_verdict(lead)]
    if found.n < rules.seeds.least:
        runs = "one run says" if found.n == 1 else f"{found.n} runs say"
        reasons.append(f"{runs} too little about chance")
    if not lead.standing.planned:
        reasons.append(UNPLANNED)
    elif found.n >= rules.seeds.least and own.interim(rules):
        reasons.append(f"{own.ran} of {planned} planned seeds have been run")
    elif why := own.too_many_failed(rules):
        reasons.append(why)
    return reasons


def _no_verdict(lead: Judgement) -> str:
    """Why none is given, for people who know the abstract only."""
    if not lead.group.dataset.official:
        return "the images are not the official CIFAR-10 files"
    if lead.group.dataset.split != "test":
        return "the images judged on are not the test images"
    return lead.standing.heading.split(": figures")[0].lower()


def _claim() -> Fact:
    reported = [recomputed(run)[1] for run in paper_reported.REPORTED_RUNS]
    runs = " and ".join(f"{formatting.percent(a)} %" for a in reported)
    return Fact("The paper claims", "75 % test accuracy", f"its two published runs: {runs}")


def _result(lead: Judgement, rules: Decision) -> Fact:
    found = lead.accuracy
    name = "What came out"
    if found is None or not found.n:
        return Fact(name, "nothing to compare")
    if math.isnan(found.low):
        runs = ", ".join(map(formatting.percent, found.runs)) or formatting.percent(found.mean)
        return Fact(name, f"{runs} %", _apart(found))
    return Fact(
        name,
        f"{formatting.percent(found.mean)} %",
        f"mean of {found.n} runs; {_apart(found)}, {interval(found, rules)}",
    )


def _data(lead: Judgement) -> Fact:
    data = lead.group.dataset
    sizes = f"{data.train_size:,} images trained on, {data.test_size:,} judged on"
    name = "On which data"
    if data.official:
        alarm = data.split != "test"
        part = "the official CIFAR-10" + ", but not its test images" * alarm
        return Fact(name, part, sizes, alarm)
    if lead.standing.cifar10:
        return Fact(name, "NOT the official CIFAR-10 files", f"{data.title}; {sizes}", True)
    return Fact(name, "NOT CIFAR-10", f"{data.title}; {sizes}", True)


def _certainty(lead: Judgement, rules: Decision) -> Fact:
    planned = len(rules.planned(rules.accuracy.variant))
    found, own, name = lead.accuracy, lead.own(rules), "How sure"
    if found is None:
        runs = len(lead.group.records)
        return Fact(name, formatting.count(runs, "run"), "none of them of the paper's task")
    if not lead.standing.planned:
        return Fact(name, formatting.count(found.n, "run"), UNPLANNED, True)
    seeds = f"{found.n} of {planned} planned seeds"
    seeds += f", {found.failed} failed" * bool(found.failed)
    if found.n < rules.seeds.least:
        return Fact(name, seeds, f"no interval: that takes at least {rules.seeds.least}", True)
    if why := own.too_many_failed(rules):
        return Fact(name, seeds, why, True)
    if own.interim(rules):
        return Fact(name, seeds, "interim: nothing is decided before all have been run", True)
    confidence = f"{100 * (1 - 2 * rules.accuracy.alpha):g} %"
    limit = f"{100 * rules.accuracy.margin:g} point"
    detail = f"{confidence} interval, against a margin of {limit} either way"
    return Fact(name, seeds, (found.undecided and needed(lead, found, rules)) or detail)


def _turning(found: Found) -> list[Fact]:
    """Ablations whose side hangs on the number of epochs, which the paper does not state."""
    told = {
        name: figures
        for curve in found.verdict.curves
        if found.lead in curve
        for name, figures in budget.turning(curve, found.verdict.rules).items()
    }
    if not told:
        return []
    base = found.verdict.rules.contrasts.against
    figures = "; ".join(f"{name}: {by_epochs}" for name, by_epochs in told.items())
    return [
        Fact(
            "By number of epochs",
            f"{', '.join(told)} {'change' if len(told) > 1 else 'changes'} sides",
            f"points against {base}: {figures}; not tested",
            alarm=True,
        )
    ]


def own_tables() -> list[Fact]:
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
    return [Fact("The paper's own tables", f"contradict {count}", told)] if found else []


def _others(lead: Judgement) -> Fact:
    counts = Counter(s.status for s in lead.claims)
    order = (claim_status.CONFIRMED, claim_status.REFUTED, claim_status.OPEN)
    told = ", ".join(f"{counts[status]} {status}" for status in order if counts[status])
    return Fact("All its claims", told, f"of {len(lead.claims)}; see the claims table")
