"""Write the figures and the table of a report as separate files, for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.files import write_atomically
from harness.report.figures import style
from harness.report.sections import Section
from harness.report.text import comparison
from harness.verdict.study import Study

_PREAMBLE = "% Needs \\usepackage{booktabs}.\n"


def save(folder: Path, study: Study, sections: Sequence[Section]) -> int:
    """Write every figure as SVG and PNG, and the comparison table as LaTeX.

    Args:
        folder: the folder to write to; created if missing.
        study: the results.
        sections: the sections whose figures are written.

    Returns:
        The number of files, named `<section>-<figure>.svg`, `.png` and `table.tex`.
    """
    count = 1
    for section in sections:
        for captioned in (f for part in section.subsections for f in part.figures):
            for suffix, render in (("svg", style.svg), ("png", style.png)):
                path = folder / f"{section.anchor}-{captioned.name}.{suffix}"
                write_atomically(path, render(captioned.figure))
                count += 1
    table = _PREAMBLE + comparison.render(study.group_verdicts, "latex")
    write_atomically(folder / "table.tex", table.encode())
    return count
