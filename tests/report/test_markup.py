"""Numbers as people and programs read them."""

from __future__ import annotations

import json

import pytest

from harness import formatting
from harness.report.text import markup

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
    values = json.loads(markup.as_json({"a": [NAN, 1.5, (float("inf"),)], "b": {"c": None}}))
    assert values == {"a": [None, 1.5, [None]], "b": {"c": None}}


def test_columns_in_which_nothing_stands_are_dropped() -> None:
    assert markup.drop_empty_columns({"a": ["-", "-"], "b": ["-", "1"]}) == {"b": ["-", "1"]}


def test_latex_has_no_bare_plus_minus_and_escapes_names() -> None:
    text = markup.latex({"variant": ["no_augmentation"], "accuracy, %": ["75.00 ± 0.31"]})
    assert r"no\_augmentation" in text
    assert r"$\pm$" in text
    assert "±" not in text
