"""The generated parts of README and docs, and the page of results.

`python -m harness docs` writes them from the variants, the paper's claims and the stored records.
A generated part stands between two markers, `<!-- name -->` and `<!-- /name -->`, in whichever
page shows it. A test fails while any of them differs from what it is generated from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.analysis import calibration_record
from harness.analysis.compatibility import reference
from harness.analysis.simulation import rates, worlds
from harness.analysis.studies import coverage
from harness.errors import InputError
from harness.files import write_atomically
from harness.protocol import decision
from harness.report import drawings, sections
from harness.report.drawings import Drawings
from harness.report.pages import comparison, results, statistics
from harness.report.section import HELD_OUT, Section
from harness.report.tables import background, writers
from harness.report.tables.formats import TableFormat
from harness.report.text.headline import NO_RUNS
from harness.runs import store, table
from harness.verdict import study
from harness.verdict.study import Study

ROOT = Path(__file__).resolve().parents[2]

NO_CALIBRATION = "No calibration has been recorded yet."


# The records of a folder, judged and drawn.
_Content = tuple[Study, list[Section], Drawings]


def _read(folder: Path) -> _Content | None:
    """The records of a folder, judged and drawn; None without records.

    Without runs on test images there are only sections of studies, such as a calibration.
    """
    if not any(store.find(folder)):
        return None
    loaded = study.load_study(folder)
    shown, figures = sections.sections(loaded), drawings.draw(loaded)
    if not loaded.has_test_runs:
        shown = [s for s in shown if s.kind in HELD_OUT]
        drawn = {s.anchor: figures.by_anchor.get(s.anchor, ()) for s in shown}
        figures = Drawings((), drawn)
    return loaded, shown, figures


def blocks(folder: Path) -> dict[str, str]:
    """Every generated part as Markdown, by the name of its markers.

    Args:
        folder: the results folder.
    """
    return _blocks(_read(folder), folder.name)


def _blocks(content: _Content | None, folder: str) -> dict[str, str]:
    rules = decision.load()
    answer, table, calibration = NO_RUNS, "", NO_CALIBRATION
    if content:
        loaded, shown, figures = content
        answer = results.answer_block(loaded, figures) or answer
        table = results.results_table(loaded)
        calibration = results.calibration_block(shown, figures, f"{folder}/") or calibration
    return {
        "answer": answer,
        "table": table,
        "calibration": calibration,
        "claims": writers.markdown(background.criteria_table(rules)),
        "assumptions": writers.markdown(background.assumptions_table(rules)),
        "variants": writers.markdown(background.variants_table(rules)),
    }


def updated(pages: Mapping[Path, str], generated: Mapping[str, str]) -> dict[Path, str]:
    """Pages with their generated parts as they should be.

    Args:
        pages: text by path.
        generated: see `blocks`.

    Raises:
        InputError: if a part is in none of the pages.
    """
    texts = dict(pages)
    for name, block in generated.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not any(marked.search(text) for text in texts.values()):
            raise InputError(
                f"neither README.md nor a page of docs has the markers <!-- {name} --> and "
                f"<!-- /{name} -->, each on a line of its own: add them where it is to be shown."
            )
        for path, text in texts.items():
            # Links in a part start at the root of the checkout.
            in_docs = path.parent.name == "docs"
            linked = block.replace("](results/", "](../results/") if in_docs else block
            texts[path] = marked.sub(lambda m, b=linked: f"{m[1]}{b}\n{m[2]}", text)  # type: ignore[misc]
    return texts


def files(root: Path = ROOT, folder: Path | None = None) -> dict[Path, bytes]:
    """Everything that is generated from variants, claims and records, by path.

    Args:
        root: the checkout.
        folder: the results folder; that of the checkout if None.

    Raises:
        InputError: if there is no README, or a record or calibration is damaged.
    """
    folder = folder or root / "results"
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    if not pages[0].exists():
        raise InputError(
            f"{pages[0]} does not exist: docs writes the pages of a checkout. "
            "Install the package from one with pip install -e ."
        )
    content = _read(folder) if folder.exists() else None
    faults = content[0].faults if content else calibration_record.load_calibrations(folder)[1]
    if faults:
        raise InputError(faults[0])
    before = {path: path.read_text(encoding="utf-8") for path in pages}
    texts = updated(before, _blocks(content, folder.name))
    generated = {path: text.encode() for path, text in texts.items()}
    records = store.load_all(folder)[0] if folder.exists() else []
    generated[root / reference.FILE.relative_to(ROOT)] = reference.to_csv(records)
    if content is None:
        return {**generated, folder / "README.md": f"# Results\n\n{NO_RUNS}\n".encode()}
    forms = {"md": TableFormat.MARKDOWN, "csv": TableFormat.CSV} if content[0].has_test_runs else {}
    tables = {
        folder / f"comparison.{end}": comparison.render(content[0], form, full=True).encode()
        for end, form in forms.items()
    }
    tables[folder / "runs.csv"] = table.csv(records).encode()
    return {**generated, **tables, **results.files(*content)}


def write(root: Path = ROOT) -> list[Path]:
    """Write the files that differ, and remove figures that no page shows any more.

    Args:
        root: the checkout.

    Returns:
        What was written, from the root.

    Raises:
        InputError: see `files`; nothing is written then.
    """
    wanted = files(root)
    for path in (root / "results" / results.FIGURES).glob("*.svg"):
        if path not in wanted:
            path.unlink()
    written = []
    for path, content in wanted.items():
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
            written.append(path.relative_to(root))
    return written


def write_statistics(root: Path = ROOT) -> Path:
    """Simulate the errors of the statistics and write docs/statistics.md; takes minutes.

    Returns:
        The page, from the root.
    """
    page = statistics.page(rates.simulate(), worlds.WORLDS, coverage.simulate(), coverage.WORLDS)
    path = root / "docs" / "statistics.md"
    write_atomically(path, page.encode())
    return path.relative_to(root)
