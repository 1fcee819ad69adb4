"""Hash of the source files that decide the bits of a result.

A record carries it, so that runs are compared bit for bit, and unfinished runs go on, only under
the same code. It covers what runs and not how it is explained or where it is kept: `code_text`
leaves out comments, docstrings, imports and blank lines, and each file is known by its role. A
file can thus be moved, and its prose corrected, without a record becoming one of other code.

Left out with the imports is which function a name stands for. That a project module behind such
a name is hashed too, or named in `NOT_HASHED`, is tested; versions of libraries are in the
record's environment. No torch here.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]

# (role, path): the files whose code decides bits, given the environment, settings, protocol and
# data of the record. A new file is one entry here. A role never changes; a path may.
SOURCES = (
    ("augmentation", "harness/training/augmentation.py"),
    ("cuda graph", "harness/training/cuda_graph.py"),
    ("dataset", "harness/data/dataset.py"),
    ("initialization", "variants/initialization.py"),
    ("metrics", "harness/training/metrics.py"),
    ("mixing", "harness/training/mixing.py"),
    ("network", "variants/network.py"),
    ("protocol", "harness/protocol/spec.py"),
    ("seeding", "harness/training/seeding.py"),
    ("trainer", "harness/training/trainer.py"),
)

# Every other module that the trainer imports, directly or not, or that lies beside it: why its
# code decides no bits that the rest of the record does not already fix.
NOT_HASHED: Mapping[str, str] = MappingProxyType(
    {
        "harness": "defines functions that callers use; importing it computes nothing",
        "harness.data.source": "what a reader returns is fixed by the dataset's fingerprint",
        "harness.errors": "exceptions: they end a run and change none",
        "harness.protocol.datasets": "titles and folders; the images have a fingerprint",
        "harness.training.checkpoint": "stores the trainer's state and returns the same tensors",
        "harness.training.device": "streams, heap and refusals; the device is in the environment",
        "harness.training.environment": "describes the run for its record",
        "harness.training.profiler": "measures time and writes no record",
        "harness.training.runner": "calls the trainer to the protocol's last epoch and records "
        "what it returns; `check` requires every epoch and metrics that fit the last",
        "harness.training.sources": "the hash itself",
        "variants": "imports the catalog, so that its variants are registered",
        "variants.catalog": "values alone, which the record has as settings",
        "variants.spec": "holds and validates those values",
    }
)

# Marks in a text while it is cut; Python source cannot hold a null character.
_STRING_NEWLINE, _CUT = "\0n", "\0c"

Span = tuple[int, int]


def sources_sha256(sources: Iterable[tuple[str, str]] = SOURCES, root: Path = ROOT) -> str:
    """SHA-256 over the code of the files that decide bits, in the order of their roles.

    Args:
        sources: pairs of role and path.
        root: the folder that paths start from.
    """
    digest = hashlib.sha256()
    for role, path in sorted(sources):
        code = code_text((root / path).read_text(encoding="utf-8"))
        digest.update(f"{role}\0{hashlib.sha256(code.encode()).hexdigest()}\n".encode())
    return digest.hexdigest()


def code_text(source: str) -> str:
    """Python source without comments, docstrings, imports and blank lines.

    The text is cut, not printed from its syntax tree, since `ast.unparse` differs between
    versions of Python. What goes:

    - comments, trailing whitespace and blank lines, except within a string;
    - every statement that is only a string: docstrings, and strings below an attribute;
    - every import statement, wherever it stands, with the semicolon that divides it from others;
    - `if TYPE_CHECKING:` without an else, whole: it never runs.

    Everything else stays as it is written, indentation and line breaks included. A line break
    within a string is marked apart from others.

    Args:
        source: text of a module, with "\\n" at the end of lines.
    """
    lines = source.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    strings, comments = _strings_and_comments(source, starts)
    characters = list(source)
    for start, end in strings:
        characters[start:end] = [_STRING_NEWLINE if c == "\n" else c for c in characters[start:end]]
    for start, end in comments:
        characters[start:end] = [""] * (end - start)
    for start, end in _cut_statements(source, lines, starts):
        characters[start:end] = [_CUT] + [""] * (end - start - 1)
    kept = re.sub(r"\0c[ \t]*;[ \t]*|[ \t]*;[ \t]*\0c|\0c", "", "".join(characters))
    return "".join(f"{line.rstrip()}\n" for line in kept.split("\n") if line.strip())


def is_type_checking(node: ast.AST) -> bool:
    """Whether a statement is an `if TYPE_CHECKING:` without an else."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _strings_and_comments(source: str, starts: list[int]) -> tuple[list[Span], list[Span]]:
    """Spans of whole string literals and of comments outside of them.

    An f-string is one token before Python 3.12, and from there on many between a start and an
    end, which can hold further f-strings.
    """
    strings: list[Span] = []
    comments: list[Span] = []
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
        kind = tokenize.tok_name[token.type]
        if kind.endswith("STRING_START"):
            opened.append(start)
        elif kind.endswith("STRING_END"):
            start = opened.pop()
            kind = "STRING"
        if not opened and kind == "STRING":
            strings.append((start, end))
        elif not opened and kind == "COMMENT":
            comments.append((start, end))
    return strings, comments


def _cut_statements(source: str, lines: list[str], starts: list[int]) -> Iterator[Span]:
    """Spans of the statements that are no code."""

    def offset(line: int, column: int) -> int:
        # The tree counts columns in bytes.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and (
            isinstance(node, ast.Import | ast.ImportFrom)
            or _is_only_a_string(node)
            or is_type_checking(node)
        ):
            assert node.end_lineno is not None and node.end_col_offset is not None
            start = offset(node.lineno, node.col_offset)
            yield start, offset(node.end_lineno, node.end_col_offset)


def _is_only_a_string(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
