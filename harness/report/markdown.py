"""The answer and the sections of a study as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.formatting import enumerate_words
from harness.report.answer import Answer
from harness.report.section import Section
from harness.report.tables import writers
from harness.report.tables.table import Table, legend


def join(parts: Iterable[str]) -> str:
    """Join paragraphs, without empty ones, to a page."""
    return "\n\n".join(part for part in parts if part) + "\n"


def opening(answer: Answer) -> str:
    """Return the outcome and the answer in one to three sentences."""
    return f"**{answer.label}.** {answer.sentence}"


def answer_block(answer: Answer, details: str = "") -> Iterator[str]:
    """Yield the answer in paragraphs.

    Args:
        answer: the answer.
        details: page that has all facts, if the details among them are to be left out.
    """
    yield opening(answer)
    if answer.contributions:
        yield f"What each ingredient contributes to the accuracy. {answer.contributions_note}"
        yield bullets(f"{contribution.sentence}." for contribution in answer.contributions)
        yield "Behind the answer:"  # without a text between them, two lists are one
    shown = [fact for fact in answer.facts if not (details and fact.detail)]
    lines = [f"**{fact.name}.** {fact.text}" for fact in shown]
    if left := [fact.name for fact in answer.facts if fact not in shown]:
        lines.append(f"**More** in [{details}]({details}): {enumerate_words(left)}.")
    yield bullets(lines)


def section_opening(section: Section) -> Iterator[str]:
    """Yield the heading of a section, its sentences and its notes."""
    yield f"## {section.title}: {section.subtitle}"
    yield " ".join(sentence for sentence in section.sentences if sentence)
    yield bullets(section.notes)


def table_block(table: Table, level: int = 3) -> Iterator[str]:
    """Yield a table below its caption, with the notes of its columns."""
    yield f"{'#' * level} {table.caption}"
    yield writers.markdown(table)
    yield legend([table])


def bullets(lines: Iterable[str]) -> str:
    """Return lines as a list."""
    return "\n".join(f"- {line}" for line in lines)
