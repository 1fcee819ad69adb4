"""The figures and tables of a report as files of their own, for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.files import write_atomically
from harness.report.figures import style
from harness.report.sections import Section
from harness.report.text import comparison
from harness.verdict.study import Study

_PREAMBLE = "% Needs \\usepackage{booktabs}.\n"


def save(folder: Path, found: Study, sections: Sequence[Section]) -> int:
    """Write every figure as SVG and PNG, and the comparison table as LaTeX.

    Returns:
        The number of files, named `<section>-<figure>.svg`, `.png` and `table.tex`.
    """
    count = 1
    for section in sections:
        for picture in (p for part in section.parts for p in part.pictures):
            for suffix, content in (("svg", style.svg), ("png", style.png)):
                path = folder / f"{section.anchor}-{picture.name}.{suffix}"
                write_atomically(path, content(picture.figure))
                count += 1
    table = _PREAMBLE + comparison.render(found.group_verdicts, "latex")
    write_atomically(folder / "table.tex", table.encode())
    return count
