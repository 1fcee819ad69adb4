"""The facts below the answer: how sure it is, what is open, on which data, at what cost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import variants
from harness.analysis.groups import environments
from harness.analysis.sequential import Outcome
from harness.formatting import enumerate_words, percent, pluralize, signed_points
from harness.paper import reported
from harness.paper.ingredients import INGREDIENTS
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.provenance import cost
from harness.report.text import audit as text_audit
from harness.report.text import certainty as text_certainty
from harness.report.text import claims as text_claims
from harness.report.text import extensions as text_extensions
from harness.report.text import independent as text_independent
from harness.report.text import open_questions as text_open_questions
from harness.report.text import readings as text_readings
from harness.report.text.headline import blocked_look, interval, label
from harness.report.text.surprises import surprises
from harness.verdict import audit, budget_curve
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict

# The head of the decision file, in short.
_SEEN = (
    "The rules were fixed before any run of the protocol on these images, but after 27 on a JPEG "
    "copy of them (harness/protocol/decision.toml). After 20 epochs `paper` had got 77.25 to 77.82 "
    "% there; `no_augmentation`, `baseline` and `dropout_75` less, `batch_norm` more, others about "
    "as much. After 10 epochs `paper` had got less than `no_augmentation`, `no_lr_decay` and "
    "`baseline`."
)


@dataclass(frozen=True)
class Fact:
    """A line below the answer.

    Attributes:
        name, text: of the line.
        alarm: whether it must not be overlooked.
        detail: whether a page that shows the answer in short may leave it out.
    """

    name: str
    text: str
    alarm: bool = False
    detail: bool = False


def facts(study: Study) -> Iterator[Fact]:
    """Yield the facts on a study's primary group, those that bear most on the answer first."""
    group_verdict = study.primary
    curve = study.verdict.curve_of(group_verdict)
    if found := " ".join(surprises(group_verdict)):
        yield Fact("What surprised", found)
    changing = _changing(curve)
    yield from _changing_signs(curve, changing)
    yield from _reservations(study)
    yield _certainty(group_verdict)
    if group_verdict.outcome and group_verdict.accuracy and group_verdict.accuracy.look:
        yield Fact("What that assumes", text_certainty.assumptions(group_verdict.accuracy))
    if study.independent:
        found = text_independent.sentence(study.independent)
        yield Fact("By other code", f"{found} This checks our code, not our reading of the paper.")
    yield from _other_verdicts(study)
    if group_verdict.eligibility.allows_verdict:
        yield Fact("What is open", text_open_questions.sentences(group_verdict), detail=True)
        if listed := text_claims.by_status(group_verdict, changing):
            yield Fact("All its claims", listed)
        yield from _beyond(study)
    if group_verdict.accuracy is not None:
        yield _paper(group_verdict.accuracy)
    yield _data(group_verdict)
    if group_verdict.group.records:
        yield _cost(group_verdict)
    yield from _not_run(group_verdict, curve)
    if contradicted := text_audit.contradictions(audit.audit()):
        yield Fact("The paper's own tables", contradicted, detail=True)


def _paper(accuracy: AccuracyResult) -> Fact:
    runs = " and ".join(f"{percent(value)} %" for value in accuracy.reported)
    return Fact(
        "The paper",
        f"75 % test accuracy; two runs, chosen from several: {runs} by their confusion matrices. "
        "It states no number of epochs, learning rate, batch size or layer sizes.",
        detail=True,
    )


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
        why = blocked_look(group_verdict)
        text = f"{runs}: {why}." if why else f"{runs}, and none of the planned looks at them yet."
        return Fact(name, text, alarm=True)
    state = "Settled" if accuracy.settled else "Not settled"
    rules = group_verdict.rules
    looks = rules.looks.seeds
    return Fact(
        name,
        f"{state} with {runs}, at look {accuracy.look} of {len(looks)} (variants are judged when "
        f"they have {enumerate_words(map(str, looks))} runs each, and only then): the difference "
        f"from the paper is {signed_points(accuracy.difference)} points, {interval(accuracy)}, "
        f"against a margin of {100 * rules.accuracy.margin:g} point either way. "
        f"{text_certainty.predicted(accuracy, group_verdict.claim_runs)}",
    )


def _beyond(study: Study) -> Iterator[Fact]:
    """Yield what other readings of the paper give, and what goes beyond it."""
    if study.readings:
        sentence = text_readings.sentence(study.readings, study.verdict.rules)
        yield Fact("Other readings of the paper", sentence)
    if sentence := text_extensions.sentence(study.primary):
        yield Fact("Beyond the paper", sentence, detail=True)


def _reservations(study: Study) -> Iterator[Fact]:
    group_verdict = study.primary
    if group_verdict.outcome is Outcome.REPRODUCED:
        yield Fact(
            "What it means",
            "The paper's text can be read so that it gives 75 %, and no more: it leaves most "
            "settings open.",
        )
    if group_verdict.is_tuned:
        yield Fact("What is built in", _built_in(study))
    if group_verdict.eligibility.allows_verdict:
        yield Fact("What had been seen", _SEEN, detail=True)


def _built_in(study: Study) -> str:
    """Say what the choice of the number of epochs lets expect."""
    rules, epochs, tuning = study.verdict.rules, study.primary.epochs, study.tuning
    text = (
        f"We chose {epochs} as the first number of epochs on our list with at least "
        f"{100 * rules.budgets.target:g} % on held-out training images"
    )
    if tuning and tuning.chosen:
        tried = [candidate for candidate in tuning.candidates if candidate.epochs <= epochs]
        figures = (f"{percent(c.mean)} % after {c.epochs}" for c in tried[-2:])
        ahead = tuning.chosen.mean - reported.mean_accuracy()
        side = "above" if ahead > 0 else "below"
        text += (
            f" ({', '.join(figures)}, {percent(abs(ahead))} points {side} the paper's mean and "
            "known before any run of the protocol on the test images)"
        )
    return (
        f"{text}. So the paper's accuracy or more was to be expected (wider steps in that list, "
        "more excess), and an excess is no evidence that its 75 % is wrong: what is judged is "
        f"whether our reading after {epochs} epochs and the paper are equal within "
        f"{100 * rules.accuracy.margin:g} point."
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
    return Fact(name, f"The official CIFAR-10: {sizes}", detail=True)


def _cost(group_verdict: GroupVerdict) -> Fact:
    records, epochs = group_verdict.group.records, pluralize(group_verdict.epochs, "epoch")
    machines = "; ".join(environments(records))
    return Fact("At what cost", f"After {epochs}, {cost(records)}: {machines}.", detail=True)


def _changing(curve: Sequence[GroupVerdict]) -> dict[str, dict[int, float]]:
    """The ablations that help at one number of epochs and hurt at another, with their differences
    by number of epochs."""
    by_variant = budget_curve.differences(curve)
    return {name: d for name, d in by_variant.items() if budget_curve.changes_sign(d)}


def _changing_signs(
    curve: Sequence[GroupVerdict], changing: Mapping[str, Mapping[int, float]]
) -> Iterator[Fact]:
    """Yield what has another sign at another number of epochs."""
    if changing:
        yield Fact(
            "By number of epochs",
            "Contributions whose sign changes with the number of epochs (points; the change is not "
            "tested, its cause not examined): "
            f"{'; '.join(_by_epochs(*item) for item in changing.items())}. Runs each: "
            f"{_counts(budget_curve.results_by_epochs(curve), changing)}.",
            alarm=True,
        )


def _by_epochs(variant: str, differences: Mapping[int, float]) -> str:
    ingredient = INGREDIENTS[variant]
    figures = ", ".join(
        f"{signed_points(ingredient.contribution(difference, 0, 0)[0])} at {epochs}"
        for epochs, difference in differences.items()
    )
    return f"{ingredient.name} {figures}"


def _counts(results: budget_curve.Results, shown: Mapping[str, Iterable[int]]) -> str:
    """The smallest and largest number of finished runs of these variants by number of epochs."""
    counts: dict[int, list[int]] = {}
    for name, by_epochs in shown.items():
        for epochs in by_epochs:
            counts.setdefault(epochs, []).append(results[name][epochs].n)
    return ", ".join(
        f"{min(n)}{f' to {max(n)}' if max(n) > min(n) else ''} at {epochs}"
        for epochs, n in counts.items()
    )


def _not_run(group_verdict: GroupVerdict, curve: Sequence[GroupVerdict]) -> Iterator[Fact]:
    """Yield the planned variants without runs at a planned number of epochs, and the exploratory
    ones without runs at this one."""
    rules = group_verdict.rules
    at: dict[tuple[str, ...], list[int]] = {}
    for epochs, names in budget_curve.missing(curve).items():
        at.setdefault((*names,), []).append(epochs)
    named = [_missing(names, epochs, rules) for names, epochs in at.items()]
    if named:
        yield Fact("Planned and not run", f"{'; '.join(named)}.", detail=True)
    if group_verdict.eligibility.allows_verdict:
        absent = {
            family: [name for name in variants.names(family) if name not in group_verdict.runs]
            for family in ("readings", "extensions")
        }
        listed = (f"{f.capitalize()}: {', '.join(names)}." for f, names in absent.items() if names)
        if text := " ".join(listed):
            yield Fact("Exploratory and not run", text, detail=True)


def _missing(names: Sequence[str], epochs: Sequence[int], rules: Decision) -> str:
    who = f"all {len(names)} variants" if tuple(names) == rules.variants else ", ".join(names)
    text = f"{who} at {enumerate_words(map(str, epochs))} epochs"
    if (reference := rules.budgets.reference) in epochs:
        text += f" ({reference} has a verdict of its own, and is not tuned)"
    return text


def _other_verdicts(study: Study) -> Iterator[Fact]:
    for other in study.group_verdicts:
        accuracy = other.accuracy
        if other is study.primary or not other.eligibility.allows_verdict or not accuracy:
            continue
        runs = f"{percent(accuracy.mean)} % on average of {pluralize(accuracy.n, 'run')}"
        yield Fact(
            f"After {other.epochs} epochs",
            f"{label(other)}: "
            f"{runs if accuracy.n else f'no finished run of {other.claim_runs.name}'}.",
        )
