"""Figures and the table as separate files: the same bytes twice, and LaTeX that compiles."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from harness.report import drawings, export
from harness.verdict import study
from tests.helpers.results_folders import write_grid


def test_figures_are_written_as_svg_and_png_twice_alike(study_folder: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        loaded = study.load_study(study_folder)
        export.save(folder, loaded, drawings.draw(loaded))
    names = sorted(path.name for path in folders[0].iterdir())
    assert {"answer-seeds.svg", "group-1-recall.png", "table.tex"} <= set(names)
    for name in names:
        first, second = (folder / name for folder in folders)
        assert first.read_bytes() == second.read_bytes()
        if name.endswith(".svg"):
            root = ElementTree.parse(first).getroot()
            assert root.tag.endswith("svg")
            assert b"<dc:date>" not in first.read_bytes()
        if name.endswith(".png"):
            with Image.open(first) as image:
                assert min(image.size) > 100


def test_the_table_compiles_as_latex(tmp_path: Path) -> None:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex here")
    write_grid(tmp_path / "results", 5, names=["paper", "baseline"])
    loaded = study.load_study(tmp_path / "results")
    export.save(tmp_path, loaded, drawings.Drawings((), {}))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs}\n"
        "\\begin{document}\n\\input{table}\n\\end{document}\n"
    )
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
