"""Answers of studies of made-up records, and their facts."""

from __future__ import annotations

from harness.report.answer import Answer, answer
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import study_of
from tests.helpers.records import make_record

TUNED = "We chose 20, the fewest on our list that reach 75 % on held-out training images."


def of(*records: RunRecord) -> Answer:
    """The answer of a study of these records."""
    return answer(study_of(list(records)))


def fact(found: Answer, name: str) -> str:
    """The text of the fact of that name."""
    (text,) = (fact.text for fact in found.facts if fact.name == name)
    return text


def names(found: Answer) -> list[str]:
    """The names of the facts, in their order."""
    return [fact.name for fact in found.facts]


def at_epochs(epochs: int, records: list[RunRecord]) -> list[RunRecord]:
    """The runs at another budget."""
    return [
        make_record(
            r.variant, r.seed, round(1000 * r.metrics.accuracy), protocol={"epochs": epochs}
        )
        for r in records
        if r.metrics
    ]
