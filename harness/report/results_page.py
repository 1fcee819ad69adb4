"""`results/README.md` and its figures: what the stored records say, as one Markdown page.

`python -m harness docs` writes them; a test fails while they differ from the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.report import sections, summary, tables
from harness.report.figures import style
from harness.report.figures.figure import CaptionedFigure
from harness.report.sections import Section
from harness.report.tables import Table
from harness.report.text import budget, markup
from harness.report.text import sentences as text_sentences
from harness.verdict.study import Study

FIGURES = "figures"

NO_RUNS = "Not answered yet: no runs on the official test images have been recorded."

NO_CALIBRATION = "No calibration has been recorded yet."


def files(found: Study, shown: Sequence[Section]) -> dict[Path, bytes]:
    """The page and its figures, by path, as they should be; `shown` are the sections of `found`."""
    results = found.results
    page = "\n\n".join(part for part in _page(found, shown) if part) + "\n"
    wanted = {results / "README.md": page.encode()}
    for section in shown:
        for picture in _pictures(section):
            wanted[results / _path(section, picture)] = style.svg(picture.figure)
    return wanted


def answer_in_short(found: Study, shown: Sequence[Section]) -> str:
    """The outcome and the ablations in sentences, the leading runs' figure, the budget curves.

    Figures are named as from the folder above the results. Empty where no run is of test images.
    """
    if found.primary.group.dataset.split != "test":
        return ""
    first, *others = shown
    told, rules = summary.answer(found), found.verdict.rules
    drawn = [first, *(o for o in others if o.anchor.startswith(sections.BUDGETS))]
    folder = found.results.name + "/"
    figures = [_told(s, pictures[0], folder) for s in drawn if (pictures := _pictures(s))]
    data = found.primary.group.dataset.fingerprint
    tuned = [c for c in found.calibrations.values() if c.dataset.fingerprint == data]
    sentences = [
        *(text_sentences.steps(calibration, rules) for calibration in tuned),
        *(budget.sentence(c, rules) for c in found.verdict.curves if found.primary in c),
        text_sentences.ablations(found.primary, rules),
        text_sentences.last_epochs(found.primary.group, rules),
        *(f"{fact.name} {fact.value}: {fact.detail}." for fact in summary.own_tables()),
    ]
    paragraphs = [f"**{told.verdict_label}.** {told.sentence}", *(s for s in sentences if s)]
    return "\n\n".join([*paragraphs, *figures])


def calibration_in_short(found: Study, shown: Sequence[Section]) -> str:
    """The figure of each calibration, named as from the folder above the results."""
    return "\n\n".join(
        _told(section, picture, found.results.name + "/")
        for section in shown
        if section.anchor.startswith(sections.CALIBRATION)
        for picture in _pictures(section)
    )


def _page(found: Study, shown: Sequence[Section]) -> Iterator[str]:
    first = summary.answer(found)
    yield "# Results"
    yield ("Written by `python -m harness docs` from the records below this folder; never edited.")
    yield f"**{first.verdict_label}.** {first.sentence}"
    yield _markdown(
        {
            "": [fact.name for fact in first.rows],
            "what": [f"**{f.value}**" if f.alarm else f.value for f in first.rows],
            "more": [fact.detail for fact in first.rows],
        }
    )
    lacking = [f"- {sentence}" for sentence in _not_run(found)]
    yield "\n".join([*(f"- {problem.sentence}" for problem in found.warnings), *lacking])
    for section in shown:
        yield from _section(section)
    yield from _table(tables.unknowns_table(found.verdict.rules))


def _not_run(found: Study) -> Iterator[str]:
    """What the decision file wants published of the leading data and protocol, and is not there."""
    rules = found.verdict.rules
    same = next(
        (curve for curve in found.verdict.curves if found.primary in curve), (found.primary,)
    )
    if lacking := budget.lacking(same, rules):
        yield " ".join(
            [
                "The decision file wants accuracy and the sign of each ablation published at "
                f"{', '.join(map(str, rules.budgets.curve))} epochs, and a verdict at "
                f"{rules.budgets.reference} too.",
                *lacking,
            ]
        )


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}: {section.standing}"
    yield section.paragraph
    yield "\n".join(f"- {note}" for note in section.notes)
    for table in section.tables:
        yield from _table(table)
    for part in section.parts:
        yield f"### {part.title}"
        yield part.note
        for picture in part.pictures:
            yield f"**{picture.title}.** {picture.caption}"
            yield _shown(section, picture)
        if part.table is not None:
            yield from _table(part.table)
    for table in section.after:
        yield from _table(table)
    if section.facts:
        yield "### Dataset, environment and cost"
        names, values = zip(*section.facts, strict=True)
        yield _markdown({"": list(names), "what": list(values)})


def _pictures(section: Section) -> list[CaptionedFigure]:
    return [picture for part in section.parts for picture in part.pictures]


def _path(section: Section, picture: CaptionedFigure) -> str:
    return f"{FIGURES}/{section.anchor}-{picture.name}.svg"


def _shown(section: Section, picture: CaptionedFigure, folder: str = "") -> str:
    return f"![{picture.alt}]({folder}{_path(section, picture)})"


def _told(section: Section, picture: CaptionedFigure, folder: str) -> str:
    """A figure below its caption, outside its section."""
    return f"{section.title}. {picture.caption}\n\n{_shown(section, picture, folder)}"


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.caption}"
    names = [name for name, _ in table.headers]
    columns = list(zip(*table.rows, strict=True))
    yield _markdown({n: [c.text for c in column] for n, column in zip(names, columns, strict=True)})
    if told := [f"{name}: {text}" for name, text in table.headers if text]:
        yield "; ".join(told) + "."


def _markdown(columns: dict[str, list[str]]) -> str:
    escaped = {n: [text.replace("|", "\\|") for text in column] for n, column in columns.items()}
    return markup.markdown(escaped, words=True)
