"""README's generated tables are up to date, and docs/statistics.md is what was measured."""

from __future__ import annotations

import pytest

from harness import docs
from harness.errors import InputError


def test_readme_has_the_tables_as_they_should_be() -> None:
    text = docs.README.read_text()
    assert docs.updated(text) == text, "run: python -m harness.docs"


def test_a_table_that_was_edited_is_put_right() -> None:
    text = docs.README.read_text()
    edited = text.replace("test accuracy is 75 %", "test accuracy is 80 %")
    assert edited != text
    assert docs.updated(edited) == text


def test_the_values_of_the_protocol_stand_in_the_table_of_unknowns() -> None:
    table = docs.unknowns_table()
    for value in ("0.01", "128", "60 % and 85 %", "dropout 0.5", "45,000/5,000", "provisional"):
        assert value in table


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(InputError, match="claims"):
        docs.updated("# nothing\n")
