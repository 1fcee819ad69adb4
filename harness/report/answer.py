"""The answer of a study: what every page says first, made once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.contrasts import VariantResult
from harness.analysis.groups import environments
from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Outcome
from harness.formatting import enumerate_words, percent, pluralize, signed_points
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.provenance import cost
from harness.report.text.contributions import Contribution, contributions
from harness.report.text.headline import headline, interval, is_tuned, label
from harness.report.text.surprises import surprises
from harness.verdict import audit, budget_curve
from harness.verdict.audit import RangeCheck
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.outlook import OpenQuestions, open_questions
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class Fact:
    """A line below the answer; `alarm` marks what must not be overlooked."""

    name: str
    text: str
    alarm: bool = False


@dataclass(frozen=True)
class Answer:
    """The answer, in the words of every page.

    Attributes:
        label: outcome of the accuracy claim in capitals, see `harness.report.text.headline.label`.
        style: "match", "mismatch" or "open", for its colour.
        sentence: the answer in one sentence.
        contributions: of the ingredients.
        facts: how sure it is, what is open, on which data, at what cost, and more.
    """

    label: str
    style: str
    sentence: str
    contributions: tuple[Contribution, ...]
    facts: tuple[Fact, ...]


_STYLES = {
    Outcome.REPRODUCED: "match",
    Outcome.EXCEEDED: "mismatch",
    Outcome.NOT_REACHED: "mismatch",
    Outcome.UNDECIDED: "open",
    None: "open",
}


def answer(study: Study) -> Answer:
    """Return the answer of a study, which its primary group gives."""
    return Answer(
        label=label(study.primary),
        style=_STYLES[study.primary.outcome],
        sentence=sentence(study, study.primary),
        contributions=contributions(study.primary),
        facts=tuple(_facts(study, study.primary)),
    )


def sentence(study: Study, group_verdict: GroupVerdict) -> str:
    """Return the answer of one group of a study in one sentence."""
    others = _other_budgets(study, group_verdict)
    return headline(group_verdict, others)


def _other_budgets(study: Study, group_verdict: GroupVerdict) -> dict[int, VariantResult]:
    """Results of the claim's variant at the other budgets of the same data and protocol."""
    rules = study.verdict.rules
    for curve in study.verdict.curves:
        if group_verdict in curve:
            by_epochs = budget_curve.comparable(curve, rules).get(rules.accuracy.variant, {})
            return {e: r for e, r in by_epochs.items() if e != group_verdict.epochs and r.n}
    return {}


def _facts(study: Study, group_verdict: GroupVerdict) -> Iterator[Fact]:
    if found := " ".join(surprises(group_verdict)):
        yield Fact("What surprised", found)
    yield _certainty(group_verdict)
    if group_verdict.eligibility.allows_verdict:
        yield _open(group_verdict)
    yield from _reservations(group_verdict)
    if group_verdict.accuracy is not None:
        yield _paper(group_verdict.accuracy)
    yield _data(group_verdict)
    if group_verdict.group.records:
        yield _cost(group_verdict)
    yield from _budgets(study, group_verdict)
    yield from _other_verdicts(study, group_verdict)
    if group_verdict.claims:
        counts = Counter(s.status for s in group_verdict.claims)
        by_status = ", ".join(f"{counts[s]} {s.value}" for s in ClaimStatus if counts[s])
        yield Fact("All its claims", f"{by_status}, of {len(group_verdict.claims)}.")
    yield from _contradicted_claims()


def _paper(accuracy: AccuracyResult) -> Fact:
    runs = " and ".join(f"{percent(value)} %" for value in accuracy.reported)
    return Fact("The paper", f"75 % test accuracy; two runs, chosen from several: {runs}.")


def _certainty(group_verdict: GroupVerdict) -> Fact:
    accuracy, name = group_verdict.accuracy, "How sure"
    if accuracy is None:
        total = pluralize(len(group_verdict.group.records), "run")
        return Fact(name, f"{total}, none of them on the paper's test images.", alarm=True)
    runs = pluralize(accuracy.n, "run")
    if accuracy.failed:
        runs += f" ({accuracy.failed} failed)"
    if not group_verdict.eligibility.allows_verdict:
        return Fact(name, f"{runs}: {group_verdict.eligibility.reason}.", alarm=True)
    if not accuracy.look:
        return Fact(name, f"{runs}, and none of the planned looks at them yet.", alarm=True)
    state = "Settled" if accuracy.settled else "Not settled"
    rules = group_verdict.rules
    looks = rules.looks.seeds
    return Fact(
        name,
        f"{state} with {runs}, at look {accuracy.look} of {len(looks)} (variants are judged when "
        f"they have {enumerate_words(map(str, looks))} runs each, and only then): the difference "
        f"from the paper is {signed_points(accuracy.difference)} points, {interval(accuracy)}, "
        f"against a margin of {100 * rules.accuracy.margin:g} point either way. The choice of the "
        f"test images alone has a standard error of {percent(accuracy.sampling)} points.",
    )


def _open(group_verdict: GroupVerdict) -> Fact:
    questions = open_questions(group_verdict)
    text = " ".join(_open_sentence(question, group_verdict.rules) for question in questions)
    return Fact("What is open", text or "Nothing: all planned questions are settled.")


def _open_sentence(question: OpenQuestions, rules: Decision) -> str:
    names = ["the accuracy"] if question.accuracy else []
    names += [f"`{name}`" for name in question.contrasts]
    listed = enumerate_words(names)
    if not question.look:
        return f"Not settled by the last look, and no more runs are planned: {listed}."
    seeds = rules.looks.seeds[question.look - 1]
    return (
        f"Look {question.look}, with {seeds} runs each, may settle {listed}; it takes "
        f"{pluralize(question.missing, 'more run')}."
    )


def _reservations(group_verdict: GroupVerdict) -> Iterator[Fact]:
    if group_verdict.outcome is Outcome.REPRODUCED:
        yield Fact(
            "What it means",
            "The paper's text can be read so that it gives 75 %, and no more: it leaves most "
            "settings open.",
        )
    if is_tuned(group_verdict):
        rules = group_verdict.rules
        target, margin = (100 * share for share in (rules.budgets.target, rules.accuracy.margin))
        yield Fact(
            "What is built in",
            f"{target:g} % on held-out training images: the number of epochs is the smallest tried "
            "that reached it, and may reach more. What is judged is whether the test accuracy is "
            f"the paper's within {margin:g} point.",
        )


def _data(group_verdict: GroupVerdict) -> Fact:
    data = group_verdict.group.dataset
    sizes = f"{data.train_size:,} images trained on, {data.test_size:,} evaluated on."
    name = "On which data"
    if not data.official:
        what = "the official CIFAR-10 files" if tuple(data.classes) == CLASSES else "CIFAR-10"
        return Fact(name, f"NOT {what}: {data.title}; {sizes}", alarm=True)
    if data.split != "test":
        return Fact(name, f"The official CIFAR-10, but not its test images; {sizes}", alarm=True)
    return Fact(name, f"The official CIFAR-10: {sizes}")


def _cost(group_verdict: GroupVerdict) -> Fact:
    records = group_verdict.group.records
    return Fact("At what cost", f"{cost(records)}: {'; '.join(environments(records))}.")


def _budgets(study: Study, group_verdict: GroupVerdict) -> Iterator[Fact]:
    """Yield the ablations that help at one number of epochs and hurt at another."""
    base = study.verdict.rules.contrasts.against
    for curve in study.verdict.curves:
        if group_verdict not in curve:
            continue
        if missing := budget_curve.missing(curve, study.verdict.rules):
            named = "; ".join(f"{', '.join(names)} at {e} epochs" for e, names in missing.items())
            yield Fact("Planned and not run", f"{named}.")
        differences = budget_curve.differences(curve, study.verdict.rules)
        changing = {n: d for n, d in differences.items() if budget_curve.changes_sign(d)}
        if changing:
            figures = "; ".join(
                f"`{name}` "
                + ", ".join(f"{signed_points(v)} at {epochs}" for epochs, v in by_epochs.items())
                for name, by_epochs in changing.items()
            )
            yield Fact(
                "By number of epochs",
                f"The sign against `{base}` changes (points, not tested): {figures}.",
                alarm=True,
            )


def _other_verdicts(study: Study, group_verdict: GroupVerdict) -> Iterator[Fact]:
    for other in study.group_verdicts:
        accuracy = other.accuracy
        if other is group_verdict or not other.eligibility.allows_verdict or not accuracy:
            continue
        runs = f"{percent(accuracy.mean)} % on average of {pluralize(accuracy.n, 'run')}"
        yield Fact(
            f"After {other.epochs} epochs",
            f"{label(other)}: {runs if accuracy.n else f'no run of {other.claim_runs.name}'}.",
        )


def _contradicted_claims() -> Iterator[Fact]:
    """Yield the claims that the paper's own tables contradict; this needs no runs."""
    contradictions = audit.audit().contradictions
    if contradictions:
        claims = pluralize(len(contradictions), "claim")
        details = "; ".join(map(_contradiction, contradictions))
        yield Fact("The paper's own tables", f"They contradict {claims} of its text: {details}.")


def _contradiction(claim: RangeCheck) -> str:
    text = (
        f"{claim.figure} of every class is said to be {100 * claim.low:g} to "
        f"{100 * claim.high:g} %, and is {100 * claim.smallest:.0f} to "
        f"{100 * claim.largest_from_matrix:.0f} %"
    )
    if claim.largest > claim.largest_from_matrix + 0.01:
        text += f" ({100 * claim.largest:.0f} in print is an error)"
    return text
