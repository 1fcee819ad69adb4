"""README's generated tables are up to date, and docs/statistics.md is what was measured."""

from __future__ import annotations

import re

import pytest

from harness.errors import InputError
from harness.paper import assumptions
from harness.protocol import decision
from harness.protocol.datasets import JPEG_COPY
from harness.report import docs, results_page


def test_what_follows_from_data_and_records_is_up_to_date() -> None:
    wanted = docs.files()
    figures = {path for path in wanted if path.suffix == ".svg"}
    assert len(figures) >= 5
    for path, content in wanted.items():
        assert path.read_bytes() == content, f"{path.name}: run python -m harness.report.docs"
    assert figures == set((docs.RESULTS / results_page.FIGURES).iterdir())


def test_the_page_of_results_says_first_what_the_data_are() -> None:
    text = (docs.RESULTS / "README.md").read_text()
    first = text.split("## ")[0]
    official = all(g.dataset["official"] for g in docs._groups())
    assert official or "NOT the official CIFAR-10 files" in first
    for heading in ("Ablations", "The paper's claims", "Recall of each class"):
        assert heading in text


def test_what_is_told_of_the_copy_is_told_of_the_known_one() -> None:
    assert any(g.dataset["fingerprint"] == JPEG_COPY.fingerprint for g in docs._groups())


def test_budgets_that_are_not_run_are_named() -> None:
    run = {g.protocol["epochs"] for g in docs._groups() if g.dataset["split"] == "test"}
    wanted = [str(epochs) for epochs in decision.load().budgets.curve if epochs not in run]
    text = (docs.RESULTS / "README.md").read_text()
    assert (f"Not run: {', '.join(wanted)} epochs." in text) == bool(wanted)


def test_figures_that_the_page_shows_are_there() -> None:
    text = (docs.RESULTS / "README.md").read_text()
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert shown
    assert all((docs.RESULTS / name).is_file() for name in shown)


def test_a_table_that_was_edited_is_put_right() -> None:
    text = docs.README.read_text()
    edited = text.replace("test accuracy is 75 %", "test accuracy is 80 %")
    assert edited != text
    assert docs.updated(edited) == text


def test_the_values_of_the_protocol_stand_in_the_table_of_unknowns() -> None:
    table = docs.unknowns_table()
    for value in (
        "0.01",
        "128",
        "60 % and 85 %",
        "dropout 0.5",
        "45,000/5,000",
        assumptions._origin(),
    ):
        assert value in table


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(InputError, match=r"README\.md lacks"):
        docs.updated("# nothing\n")
