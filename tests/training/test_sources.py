"""The hash of the source files: complete, and the same on every version of Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.training.sources import code_text, hash_files, is_type_checking
from tests.helpers.paths import ROOT

# What is hard to cut: hashes, semicolons and blank lines in and outside of strings, letters of
# more than one byte, and f-strings, which Python 3.12 began to split into several tokens.
PARSEABLE = r'''#!/usr/bin/env python
"""Docstring with a # in it

and a blank line."""
from __future__ import annotations

import math, os; RATE = 0.1  # a comment; with a semicolon
RATES = [  # größer
    1e-3,

    2,  # zwei
]
from typing import (
    TYPE_CHECKING,  # within an import
    Any,
)
import typing

if TYPE_CHECKING:
    from pathlib import Path  # for types alone

    Alias = Path
if typing.TYPE_CHECKING:
    import a.b as c
else:
    import d
    c = d.e
SQL = """first # no comment

  third;
last"""  # a comment
PATH = 'one \
# two'
é = "größe"; import os  # é stands before the comment
TEXT = f"{RATE:.3f} # no comment {f'{math.pi!r:#>8}'}"  # but this
LONG = f"""{
    RATE
} # in it

{{#}} ü{RATE - 1}"""; LAST = b"#"  # ü


class Config:
    """Doc."""

    rate: float = 0.1
    """Doc of an attribute."""
    name = "a value"; "no value"

    @property  # decorated
    def first(self) -> "Any":
        'one line'
        import json; from os import path; return json.dumps(path.sep)

    async def later(self, *a: Any) -> None:
        r"""Raw."""
        # only a comment
        async with self as s, s:
            for i in a:
                import sys; s(i)
            await s("""
            # indented in a string
            """)
'''

# Cutting leaves these without a body.
TRICKY = (
    PARSEABLE
    + r"""

def only_documented() -> None:
    ("in brackets"
     # with a comment
     " and in two parts")


if RATE: import sys  # one line
"""
)

TYPES_ALONE = TRICKY[TRICKY.index("if TYPE_CHECKING") : TRICKY.index("if typing.TYPE_CHECKING")]


def hashed(source: str, folder: Path, role: str = "tricky", name: str = "file.py") -> str:
    """The hash of one file of this text."""
    (folder / name).write_bytes(source.encode())
    return hash_files([(role, name)], folder)


def edited(old: str, new: str) -> str:
    assert TRICKY.count(old) == 1, old
    return TRICKY.replace(old, new)


def test_the_hash_of_a_text_is_the_same_on_every_python(tmp_path: Path) -> None:
    golden = "8d81aa5e1f5e90ee1fad5cd2df3130d93c823b2b60c7d240e42d01559f682439"
    assert hashed(TRICKY, tmp_path) == golden


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("#!/usr/bin/env python\n", ""),
        ("  # a comment; with a semicolon", ""),
        ("# größer", "# 'smaller"),
        ("    2,  # zwei\n", "    2,\n    # drei\n"),
        ("        # only a comment\n", ""),
        ("with a # in it\n", "of\n\n\nmany lines\n"),
        ('    """Doc."""\n\n', ""),
        ('    """Doc of an attribute."""\n', ""),
        ('; "no value"', ""),
        ("        'one line'\n", '        """Other."""\n'),
        ('r"""Raw."""', '"Not raw."'),
        ("import math, os; RATE", "RATE"),
        ("import math, os; RATE", "import math\nRATE"),
        ("import math, os; RATE", "import os; from math import pi as π; RATE"),
        ("; import os  # é stands before the comment", ""),
        ("import json; from os import path; return", "return"),
        ("    Any,\n", "    Any as A,\n    Callable,\n"),
        ("import d\n", "from d import e\n"),
        ("import sys; s(i)", "s(i); from sys import path as p, argv"),
        ("    Alias = Path\n", "    Alias = None\n"),
        (TYPES_ALONE, ""),
        ("    1e-3,\n\n", "    1e-3,\n"),
        ("    rate: float", "\n    \n    rate: float"),
        ("    async def later", "\n\n    async def later"),
        ("    1e-3,\n", "    1e-3,  \t\n"),
        ("\n", "\r\n"),
    ],
)  # fmt: skip
def test_what_explains_or_names_modules_is_not_hashed(old: str, new: str, tmp_path: Path) -> None:
    other = TRICKY.replace(old, new) if old == "\n" else edited(old, new)
    assert hashed(other, tmp_path) == hashed(TRICKY, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1e-3", "1e-4"),
        ("RATE = 0.1", "RATE = 0.2"),
        ("RATE - 1", "RATE + 1"),
        ("{RATE:.3f}", "{RATE:.4f}"),
        ("!r:#>8", "!r:#>9"),
        ("# no comment {", "# a comment {"),
        ("first # no comment", "first"),
        ("first # no comment\n\n", "first # no comment\n"),
        ("  third;\n", "  third; \n"),
        ("  third;\n", "  third\n"),
        ("# two", "# three"),
        ("} # in it\n", "}\n"),
        ("} # in it\n\n", "} # in it\n"),
        ("{{#}}", "{{}}"),
        ('b"#"', 'b""'),
        ('b"#"', '"#"'),
        ('"größe"', '"grosse"'),
        ('name = "a value"', 'name = "another"'),
        ('name = "a value"; ', ""),
        ("    @property  # decorated\n", ""),
        ("*a: Any", "*b: Any"),
        ("async with self as s, s:", "with self as s, s:"),
        ("# indented in a string", "# in a string"),
        ("            # indented in a string\n", ""),
        ('            await s("""', '                await s("""'),
        ("import sys; s(i)", "import sys\n            s(i)"),
        ("    c = d.e\n", ""),
        ("else:\n    import d\n", ""),
        ("if RATE: import", "if not RATE: import"),
    ],
)
def test_what_runs_is_hashed(old: str, new: str, tmp_path: Path) -> None:
    other = edited(old, new)
    ast.parse(other)
    assert hashed(other, tmp_path) != hashed(TRICKY, tmp_path)


def test_a_line_break_in_a_string_is_not_that_of_a_statement() -> None:
    assert code_text("x = '''a\n\nb'''\n") != code_text("x = '''a\nb'''\n")
    assert code_text("x = '''a  \nb'''\n") != code_text("x = '''a\nb'''\n")


def test_a_file_is_known_by_its_role(tmp_path: Path) -> None:
    assert hashed(TRICKY, tmp_path) == hashed(TRICKY, tmp_path, name="moved.py")
    assert hashed(TRICKY, tmp_path) != hashed(TRICKY, tmp_path, role="other")
    hashed("x = 1\n", tmp_path, name="one.py")
    hashed("x = 2\n", tmp_path, name="two.py")
    first = hash_files([("a", "one.py"), ("b", "two.py")], tmp_path)
    assert first == hash_files([("b", "two.py"), ("a", "one.py")], tmp_path)
    assert first != hash_files([("a", "two.py"), ("b", "one.py")], tmp_path)


class Remaining(ast.NodeTransformer):
    """The syntax tree without what is not hashed."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if is_type_checking(node) else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value
        text = isinstance(value, ast.Constant) and isinstance(value.value, str)
        return None if text else node


def test_the_text_hashed_is_the_whole_code_of_every_file() -> None:
    sources = [
        p.read_text() for name in ("harness", "variants") for p in (ROOT / name).rglob("*.py")
    ]
    compared = 0
    for source in [PARSEABLE, *sources]:
        tree = Remaining().visit(ast.parse(source))
        if any(getattr(n, "body", None) == [] for n in ast.walk(tree) if n is not tree):
            continue  # a body that was a docstring alone: what is left is no Python
        assert ast.dump(ast.parse(code_text(source).replace("\0n", "\n"))) == ast.dump(tree)
        compared += 1
    assert compared > 0.9 * len(sources)
