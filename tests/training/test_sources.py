"""The hash of the source files: complete, and the same on every version of Python."""

from __future__ import annotations

import ast
import functools
import shutil
from importlib.util import resolve_name
from pathlib import Path

import pytest

from harness.training.sources import (
    NOT_HASHED,
    SOURCES,
    code_text,
    hash_files,
    is_type_checking,
)
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

HASHED = {path.removesuffix(".py").replace("/", ".") for _, path in SOURCES}


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


# Which modules are imported


def module_file(module: str, root: Path) -> Path | None:
    """The file of a project module, None for anything else."""
    path = root / module.replace(".", "/")
    if module.split(".")[0] not in ("harness", "variants"):
        return None
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


# Most files are the same in every test.
parsed = functools.cache(ast.parse)
has_code = functools.cache(lambda source: code_text(source) != "")


def imported(module: str, root: Path) -> set[str]:
    """Names that a module imports, also in functions, and the packages that it is in.

    Of a package's `__init__`, which runs on the way, only what it imports itself when it runs.
    """
    path = module_file(module, root)
    assert path is not None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names = {package} - {module}
    if "." in package:
        names.add(package.rpartition(".")[0])
    nodes: list[ast.AST] = [parsed(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        never = is_type_checking(node)
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not never and not (later and path.name == "__init__.py"):
            nodes += ast.iter_child_nodes(node)
    return {name for name in names if name and module_file(name, root)}


def concerned(root: Path) -> set[str]:
    """Modules with code that the trainer imports, directly or not, or that are in its folder."""
    same_folder = {
        f"harness.training.{p.stem}" for p in (root / "harness/training").glob("[!_]*.py")
    }
    modules: set[str] = set()
    new = {"harness.training.trainer"} | HASHED & same_folder
    while new:
        modules |= new
        new = {name for module in new for name in imported(module, root)} - modules
    modules |= same_folder
    return {m for m in modules if (path := module_file(m, root)) and has_code(path.read_text())}


def test_every_module_that_a_run_needs_is_hashed_or_named() -> None:
    assert concerned(ROOT) == HASHED | set(NOT_HASHED)


def test_tables_are_consistent() -> None:
    assert not HASHED & set(NOT_HASHED)
    assert len({role for role, _ in SOURCES}) == len({path for _, path in SOURCES}) == len(SOURCES)
    assert all(NOT_HASHED.values())


def test_no_hashed_file_imports_by_a_name_that_is_computed() -> None:
    for _, path in SOURCES:
        names = {getattr(n, "id", None) for n in ast.walk(ast.parse((ROOT / path).read_text()))}
        assert not names & {"import_module", "importlib", "__import__", "exec", "eval"}, path


def copy_with(line: str, path: str, folder: Path) -> set[str]:
    """Modules newly concerned if `harness.data.blending` exists and a file has one more line."""
    for name in ("harness", "variants"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc"))
    (folder / "harness/data/blending.py").write_text("ALPHA = 0.2\n")
    with (folder / path).open("a") as stream:
        stream.write(f"\n{line}\n")
    return concerned(folder) - concerned(ROOT)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        *((path, "from harness.data import blending") for _, path in SOURCES),
        ("harness/training/trainer.py", "from ..data.blending import ALPHA"),
        ("harness/data/dataset.py", "from . import blending as other"),
        ("harness/protocol/spec.py", "def later() -> None:\n    import harness.data.blending"),
        ("harness/data/source.py", "import harness.data.blending"),
        ("harness/data/__init__.py", "import harness.data.blending"),
        ("variants/catalog.py", "import harness.data.blending"),
    ],
)
def test_a_new_import_is_noticed(path: str, line: str, tmp_path: Path) -> None:
    assert copy_with(line, path, tmp_path) == {"harness.data.blending"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("harness/data/dataset.py", "if TYPE_CHECKING:\n    import harness.data.blending"),
        ("harness/training/profiler.py", "import harness.data.blending"),
        ("harness/__init__.py", "def later() -> None:\n    import harness.data.blending"),
    ],
)
def test_an_import_that_no_run_makes_is_not(path: str, line: str, tmp_path: Path) -> None:
    assert copy_with(line, path, tmp_path) == set()


def test_a_new_module_beside_the_trainer_is_noticed(tmp_path: Path) -> None:
    path = "harness/training/optimizer.py"
    assert copy_with("RATE = 0.1", path, tmp_path) == {"harness.training.optimizer"}
