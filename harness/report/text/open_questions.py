"""What the runs have not settled, and which look may settle it. Pure."""

from __future__ import annotations

from harness.analysis.ranges import ClaimStatus
from harness.formatting import enumerate_words, pluralize
from harness.protocol.decision import Decision
from harness.verdict.claim_status import ClaimResult
from harness.verdict.outlook import OpenQuestions, open_questions
from harness.verdict.verdict import GroupVerdict


def sentences(group_verdict: GroupVerdict) -> str:
    """Return a sentence for each look to come, or that nothing is open."""
    questions = open_questions(group_verdict)
    text = " ".join(_sentence(question, group_verdict.rules) for question in questions)
    if any(question.contrasts and question.look != 1 for question in questions):
        text += " None of the looks can show that an ingredient has no effect."
    text = text or "Accuracy and contrasts: nothing."
    runs, looks = group_verdict.claim_runs, group_verdict.rules.looks.seeds
    if runs.look in range(1, len(looks)) and any(map(_is_other, group_verdict.claims)):
        text += f" Later looks of `{runs.name}` may settle the paper's other open claims."
    return text


def _is_other(result: ClaimResult) -> bool:
    """Whether a claim is open that is neither on the accuracy nor on an ingredient."""
    return result.status is ClaimStatus.OPEN and not result.on_accuracy


def _sentence(question: OpenQuestions, rules: Decision) -> str:
    names = ["the accuracy"] if question.accuracy else []
    names += [f"`{name}`" for name in question.contrasts]
    listed = enumerate_words(names)
    if not question.look:
        return f"Not settled by the last look, and no more runs are planned: {listed}."
    seeds = rules.looks.seeds_of(question.look)
    return (
        f"Look {question.look}, with {seeds} runs each, may settle {listed}; it takes "
        f"{pluralize(question.missing, 'more run')}."
    )
