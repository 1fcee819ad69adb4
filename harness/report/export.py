"""Write the figures and the table of a report as separate files, for a paper."""

from __future__ import annotations

from pathlib import Path

from harness.files import write_atomically
from harness.report.drawings import Drawings
from harness.report.figures import style
from harness.report.pages import comparison
from harness.report.tables.formats import TableFormat
from harness.verdict.study import Study

_PREAMBLE = "% Needs \\usepackage{booktabs}.\n"


def save(folder: Path, study: Study, drawings: Drawings) -> int:
    """Write every figure as SVG and PNG, and the comparison table as LaTeX.

    Args:
        folder: the folder to write to; created if missing.
        study: the results.
        drawings: its figures.

    Returns:
        The number of files, named `<section>-<figure>.svg`, `.png` and `table.tex`.
    """
    contents = {"table.tex": (_PREAMBLE + comparison.render(study, TableFormat.LATEX)).encode()}
    for name, captioned in drawings.files().items():
        contents[f"{name}.svg"] = style.svg(captioned.figure)
        contents[f"{name}.png"] = style.png(captioned.figure)
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return len(contents)
