"""Numbers as people and programs read them."""

from __future__ import annotations

import json

import pytest

from harness import formatting
from harness.report.tables import writers
from harness.report.tables.table import Cell, Column, legend, number_cell, table, text_table

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.percent(0.75391), "75.39"),
        (formatting.signed_points(-0.00541), "-0.54"),
        (formatting.signed_points(0.1, 1), "+10.0"),
        (formatting.interval(-0.01, 0.02), "[-1.00, +2.00]"),
        (formatting.p_value(0.04), "0.040"),
        (formatting.p_value(0.0), "<0.001"),
        (formatting.plus_minus("75.00", 0.0031), "75.00 ± 0.31"),
        (formatting.plus_minus("75.00", NAN), "75.00"),
        (formatting.duration(119.96), "120.0 s"),
        (formatting.duration(150), "2.5 min"),
        (formatting.duration(7199), "120.0 min"),
        (formatting.duration(7200), "2.0 h"),
        (formatting.duration(12_240), "3.4 h"),
        (formatting.pluralize(0, "run"), "0 runs"),
        (formatting.pluralize(1, "run"), "1 run"),
        (formatting.pluralize("?", "thread"), "? threads"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert text == expected


def test_what_is_not_there_is_a_dash() -> None:
    for write in (
        formatting.percent,
        formatting.signed_points,
        formatting.p_value,
        formatting.duration,
    ):
        assert write(NAN) == formatting.EMPTY
    assert formatting.interval(NAN, NAN) == formatting.number(NAN) == formatting.EMPTY


def test_json_has_null_for_what_is_no_number() -> None:
    values = json.loads(writers.as_json({"a": [NAN, 1.5, (float("inf"),)], "b": {"c": None}}))
    assert values == {"a": [None, 1.5, [None]], "b": {"c": None}}


def test_empty_columns_and_columns_of_the_full_form_are_dropped() -> None:
    columns: list[Column[dict[str, str]]] = [
        Column("a", "always empty", lambda row: row["a"]),
        Column("b", "the b", lambda row: row["b"]),
        Column("c", "", lambda row: row["c"], full=True),
    ]
    rows = [{"a": "-", "b": "-", "c": "2"}, {"a": "-", "b": "1", "c": "3"}]
    shown = table("all", columns, rows)
    assert shown.headers == (("b", "the b"), ("c", ""))
    assert legend([shown]) == "b: the b."
    assert [[cell.text for cell in row] for row in shown.rows] == [["-", "2"], ["1", "3"]]
    assert table("short", columns, rows, full=False).headers == (("b", "the b"),)


def test_numbers_are_to_the_right_and_pipes_are_escaped() -> None:
    columns: list[Column[str]] = [
        Column("name", "", str),
        Column("length", "", lambda text: number_cell(str(len(text)), len(text))),
    ]
    lines = writers.markdown(table("", columns, ["a|b", "c"])).splitlines()
    assert lines[2].startswith("| a\\|b ")
    assert lines[3].endswith("1 |")
    assert number_cell("-", float("nan")) == Cell("-")


def test_the_last_column_is_cut_to_the_width() -> None:
    text = writers.markdown(text_table("", {"a": ["x" * 10], "b": ["y" * 50]}), 40)
    assert {len(line) for line in text.splitlines()} == {40}
    assert "y…" in text
    assert "…" not in writers.markdown(text_table("", {"a": ["x"], "b": ["y" * 50]}))


def test_latex_has_no_bare_plus_minus_and_escapes_names() -> None:
    columns = {"variant": ["no_augmentation"], "accuracy, %": ["75.00 ± 0.31"]}
    text = writers.latex(text_table("", columns))
    assert r"no\_augmentation" in text
    assert r"$\pm$" in text
    assert "±" not in text


def test_bars_in_headers_and_cells_do_not_divide_a_markdown_table() -> None:
    bars = text_table("bars", {"a|b": ["c|d"]})
    assert [line.replace("\\|", "").count("|") for line in writers.markdown(bars).splitlines()] == [
        2
    ] * 3
