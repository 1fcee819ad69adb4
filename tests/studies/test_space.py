"""The search space: what it is parsed to, and what is refused."""

from __future__ import annotations

import pytest

from harness.errors import InputError
from harness.studies import space
from harness.studies.space import Range, Values
from variants.spec import Variant


def test_ranges_and_values_are_parsed_in_order() -> None:
    parsed = space.parse("dropout=0:0.75, learning_rate=0.001:0.1:log,batch_size=64/128")
    assert list(parsed) == ["dropout", "learning_rate", "batch_size"]
    assert parsed["dropout"] == Range(0.0, 0.75)
    assert parsed["learning_rate"] == Range(0.001, 0.1, log=True)
    assert parsed["batch_size"] == Values((64, 128))
    assert [type(value) for value in (64, 128)] == [int, int]


def test_one_value_is_a_list_of_one() -> None:
    assert space.parse("momentum=0.9") == {"momentum": Values((0.9,))}


def test_the_default_is_a_space_around_the_protocols_values() -> None:
    assert list(space.parse(space.DEFAULT)) == ["learning_rate", "weight_decay", "dropout"]


def test_every_setting_is_one_of_a_variant() -> None:
    fields = Variant(name="any", summary="").settings()
    assert set(space.SETTINGS) <= set(fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be parsed: write NAME=LOW:HIGH"),
        ("dropout", "'dropout' cannot be parsed"),
        ("dropout=", "'dropout=' cannot be parsed"),
        ("dropout=0:0.5,", "'' cannot be parsed"),
        ("stem=3x3/11x11", "'stem' cannot be searched; use learning_rate, momentum"),
        ("dropout=0:0.5,dropout=0", "has dropout twice"),
        ("dropout=0:1", "dropout is '1', not in"),
        ("dropout=a:0.5", "dropout is 'a', not in"),
        ("weight_decay=0:nan", "weight_decay is 'nan'"),
        ("learning_rate=0.1:inf", "learning_rate is 'inf'"),
        ("learning_rate=0.1:0.1", "the lower end must be below"),
        ("weight_decay=0:0.1:log", "log needs a lower end above 0"),
        ("dropout=0:0.5:linear", "cannot be parsed"),
        ("dropout=0:0.1:0.5:log", "cannot be parsed"),
        ("batch_size=32.5/64", "batch_size is '32.5', not a whole number above 0"),
        ("batch_size=0:64", "batch_size is '0'"),
        ("dropout=0.5/0.50", "has a value twice"),
    ],
)
def test_what_is_no_space_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        space.parse(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
