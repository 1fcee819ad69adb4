"""The answer of a study: what every page says first, made once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.contrasts import VariantResult
from harness.analysis.sequential import Outcome
from harness.report.facts import Fact, facts
from harness.report.text.contributions import Contribution, contributions, note
from harness.report.text.headline import headline, label
from harness.verdict import budget_curve
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class Answer:
    """The answer, in the words of every page.

    Attributes:
        label: outcome of the accuracy claim in capitals, see `harness.report.text.headline.label`.
        style: "match", "mismatch" or "open", for its colour.
        sentence: the answer in one to three sentences.
        contributions: of the ingredients.
        contributions_note: how to read them.
        facts: how sure it is, what is open, on which data, at what cost, and more.
    """

    label: str
    style: str
    sentence: str
    contributions: tuple[Contribution, ...]
    contributions_note: str
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
    contributed = contributions(study.primary)
    return Answer(
        label=label(study.primary),
        style=_STYLES[study.primary.outcome],
        sentence=sentence(study, study.primary),
        contributions=contributed,
        contributions_note=note(study.primary, contributed),
        facts=tuple(facts(study)),
    )


def sentence(study: Study, group_verdict: GroupVerdict) -> str:
    """Return the answer of one group of a study in one to three sentences."""
    others = _other_budgets(study, group_verdict)
    return headline(group_verdict, others, study.tuning)


def _other_budgets(study: Study, group_verdict: GroupVerdict) -> dict[int, VariantResult]:
    """Results of the claim's variant at the other budgets of the same data and protocol."""
    by_variant = budget_curve.comparable(study.verdict.curve_of(group_verdict))
    by_epochs = by_variant.get(group_verdict.claim_runs.name, {})
    return {e: r for e, r in by_epochs.items() if e != group_verdict.epochs and r.n}
