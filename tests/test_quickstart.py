"""The notebook: it is made from its source, and it runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

NOTEBOOK, SOURCE = ROOT / "docs/quickstart.ipynb", ROOT / "docs/quickstart.py"


def cells_of_source() -> list[tuple[str, str]]:
    """Kind and text of each cell, as jupytext makes them from the percent format."""
    cells = []
    for block in re.split(r"^# %%", SOURCE.read_text(), flags=re.MULTILINE)[1:]:
        head, _, text = block.partition("\n")
        is_prose = "[markdown]" in head
        marks = r"^# ?" if is_prose else r"^# (?=!)"
        text = re.sub(marks, "", text.strip(), flags=re.MULTILINE)
        cells.append(("markdown" if is_prose else "code", text))
    return cells


def test_the_notebook_is_that_of_its_source_and_has_no_output() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == cells_of_source()
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the extra notebook")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra notebook")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("ALEXNET_DATA", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=1800, resources={"metadata": {"path": tmp_path}}
    ).execute()
    printed = [
        "".join(output.get("text", "") for output in cell.get("outputs", []))
        for cell in notebook.cells
    ]
    text = "\n".join(printed)
    assert "4 records checked; 0 break a rule" in text
    assert "equal bit for bit" in text
    assert len(re.findall(r"^(?:baseline|paper), seed [01]: accuracy ", text, re.MULTILINE)) == 4
    assert "| paper " in text
