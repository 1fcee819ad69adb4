"""Property-based tests: how many examples they try, and strategies for damaged input.

`HYPOTHESIS_PROFILE=thorough` tries many more examples than the ordinary suite, and other ones each
time. The ordinary suite tries the same ones every time.
"""

from __future__ import annotations

import copy
import json
import math
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "ordinary", derandomize=True, database=None, deadline=None, suppress_health_check=_SLOW
)
settings.register_profile(
    "thorough", settings.get_profile("ordinary"), derandomize=False, print_blob=True
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ordinary")
settings.load_profile(PROFILE)

# Written as strings, then replaced in the text: Python's own writer cannot make them.
_DEEP, _HUGE, _AGAIN = "@deep@", "@huge@", "@again@"

_TEXTS = {
    f'"{_DEEP}"': "[" * 3_000 + "]" * 3_000,
    f'"{_HUGE}"': "9" * 5_000,
    _AGAIN: "",
}

NUMBERS = st.sampled_from(
    (
        *(0, 1, -1, 2**31, 2**63, 2**64, 10**400),
        *(0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, math.nan, math.inf, -math.inf),
    )
)

# Words of more than one line, of escape sequences, of other alphabets, and paths.
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "\n", "a\nb", "\x1b[31m", "../..", "/", "paper", "cuda", "x" * 5_000]),
)

VALUES: st.SearchStrategy[Any] = st.one_of(
    NUMBERS,
    TEXTS,
    # Copied, since a value may be changed in its turn.
    st.sampled_from([None, True, False, [], {}, [[]], {"a": {}}, _DEEP, _HUGE]).map(copy.deepcopy),
)


def examples(ordinary: int, thorough: int) -> settings:
    """The number of examples of a property under each profile."""
    return settings(max_examples=thorough if PROFILE == "thorough" else ordinary)


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A file that was cut short, has other bytes in places, or is something else."""
    damage = draw(st.sampled_from(("cut", "flip", "insert", "random")))
    if damage == "random":
        return draw(st.binary(max_size=600))
    place = draw(st.integers(0, len(content) - 1))
    if damage == "cut":
        return content[:place]
    if damage == "insert":
        return content[:place] + draw(st.binary(min_size=1, max_size=9)) + content[place:]
    flipped = bytearray(content)
    for position in draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        flipped[position] ^= draw(st.integers(1, 255))
    return bytes(flipped)


def _keys(parent: Any) -> list[Any]:
    """The keys of a dict, or the indices of a list."""
    return list(parent if isinstance(parent, dict) else range(len(parent)))


@st.composite
def mutated(draw: st.DrawFn, fields: dict[str, Any], most: int = 3) -> dict[str, Any]:
    """A copy of nested fields, of which some are missing, of another value, or too many."""
    changed = copy.deepcopy(fields)
    for _ in range(draw(st.integers(1, most))):
        # Down from the top, so that the many values of a list do not hide a single one.
        parent: Any = changed
        key = draw(st.sampled_from(_keys(parent)))
        while isinstance(parent[key], dict | list) and parent[key] and draw(st.integers(0, 3)):
            parent = parent[key]
            key = draw(st.sampled_from(_keys(parent)))
        _change(draw, parent, key)
        if not changed:
            break
    return changed


def _change(draw: st.DrawFn, parent: Any, key: Any) -> None:
    """Delete, replace, repeat or add one value of a dict or list."""
    kind = draw(st.sampled_from(("delete", "replace", "alike", "alike", "repeat", "add")))
    if kind == "delete":
        del parent[key]
    elif kind == "replace":
        parent[key] = draw(VALUES)
    elif kind == "alike":
        parent[key] = draw(_alike(parent[key]))
    elif isinstance(parent, list):
        parent.append(parent[key] if kind == "repeat" else draw(VALUES))
    elif kind == "repeat":
        parent[f"{_AGAIN}{key}"] = draw(VALUES)
    else:
        parent[draw(TEXTS)] = draw(VALUES)


def _alike(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same type: what only a check of the value itself can find."""
    kinds: dict[type, st.SearchStrategy[Any]] = {
        bool: st.just(not value),
        int: st.one_of(st.integers(), st.integers(-2, 30), st.sampled_from([2**63, 10**400])),
        float: st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1, 2)),
        str: TEXTS,
        list: st.just(value[1:]) if isinstance(value, list) else st.nothing(),
    }
    return kinds.get(type(value), VALUES)


def to_json(fields: Any) -> bytes:
    """A JSON text of mutated fields, also of what no JSON text should have."""
    text = json.dumps(fields, indent=1)
    for mark, replacement in _TEXTS.items():
        text = text.replace(mark, replacement)
    return text.encode()


def mutated_json(fields: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """JSON texts of mutated fields, some with bytes that are no text."""
    texts = mutated(fields).map(to_json)
    not_utf8 = texts.map(lambda text: text.replace(b'": "', b'": "\xff', 1))
    return st.one_of(texts, texts, texts, not_utf8, texts.map(lambda text: b"\xef\xbb\xbf" + text))


_TOML = st.sampled_from(
    (
        *(
            "nan",
            "-inf",
            "1e400",
            "0",
            "-1",
            "0.5",
            "1.0",
            "true",
            "1979-05-27",
            "0x_",
            "9" * 5_000,
        ),
        *("[]", "[[]]", "{}", "[1, 2, 2]", "[0.1]", "[" * 5_000, "{a = 1, a = 2}"),
        *('"paper"', '"a\\nb"', '"\\u0000"', "'''", "\0", "", "5 # five"),
    )
)


@st.composite
def damaged_toml(draw: st.DrawFn, text: str) -> str:
    """A TOML text of which lines are missing, repeated, or have another value or other text."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        key = lines[place].partition("=")[0]
        lines[place] = draw(
            st.one_of(
                st.tuples(st.just(key), _TOML).map("= ".join),
                st.sampled_from(["", f"{lines[place]}\n{lines[place]}", "[[looks]]", "[x.y]"]),
                st.text(max_size=30),
            )
        )
    return "\n".join(lines)


# What a shell can pass: any character but null, and bytes that are not UTF-8.
ARGUMENTS = st.one_of(
    st.text(
        st.one_of(
            st.characters(codec="utf-8", exclude_characters="\0"),
            st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]),
        ),
        max_size=20,
    ),
    st.sampled_from(["", "\n", "a\nb", "\x1b[2J", "-", "--", "x" * 300, "٣", "nan", "1e3"]),
)
