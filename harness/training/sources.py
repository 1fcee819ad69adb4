"""Hash the source files that decide the bits of a result.

Records have this hash, so that runs are compared bit for bit, and interrupted runs resume, only
under the same code. It covers the code and not its explanation or location: `code_text` removes
comments, docstrings, imports and blank lines, and each file is identified by its role. A file can
thus be moved, and its docstrings corrected, without changing the hash.

Without imports the hash does not say which function a name refers to. A test ensures that every
imported module of the project is hashed or listed in `NOT_HASHED`; versions of libraries are in
the record's environment. No torch here.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]

# (role, path): the files whose code decides bits, given the record's environment, settings,
# protocol and data. Roles must never change; paths may.
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

# All other modules that the trainer imports, directly or indirectly, or that are in its folder, and
# why their code decides no bits beyond what the rest of the record fixes.
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

# Marks in a text while parts are removed; Python source cannot contain a null character.
_STRING_NEWLINE, _CUT = "\0n", "\0c"

Span = tuple[int, int]


@functools.cache
def sources_sha256() -> str:
    """SHA-256 of `SOURCES`, as they were when this process first asked for it.

    It imported them before: what is edited later does not run in it.
    """
    return hash_files(SOURCES, ROOT)


def hash_files(sources: Iterable[tuple[str, str]], root: Path) -> str:
    """SHA-256 of the code of source files, in the order of their roles.

    Args:
        sources: pairs of role and path.
        root: the folder that the paths are relative to.
    """
    digest = hashlib.sha256()
    for role, path in sorted(sources):
        code = code_text((root / path).read_text(encoding="utf-8"))
        digest.update(f"{role}\0{hashlib.sha256(code.encode()).hexdigest()}\n".encode())
    return digest.hexdigest()


def code_text(source: str) -> str:
    """Remove comments, docstrings, imports and blank lines from Python source.

    Parts of the text are removed, instead of printing the syntax tree, since `ast.unparse` differs
    between versions of Python. Removed are:

    - comments, trailing whitespace and blank lines, except within a string;
    - every statement that is only a string: docstrings, also those of attributes;
    - every import statement, also in functions, with the semicolon that separates it from others;
    - every `if TYPE_CHECKING:` without an else, since it never runs.

    Everything else is unchanged, including indentation and line breaks. A line break within a
    string is marked to tell it from others.

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
    text = re.sub(r"\0c[ \t]*;[ \t]*|[ \t]*;[ \t]*\0c|\0c", "", "".join(characters))
    return "".join(f"{line.rstrip()}\n" for line in text.split("\n") if line.strip())


def is_type_checking(node: ast.AST) -> bool:
    """Whether a node is an `if TYPE_CHECKING:` without an else."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _strings_and_comments(source: str, starts: list[int]) -> tuple[list[Span], list[Span]]:
    """Spans of whole string literals, and of comments outside them.

    An f-string is one token before Python 3.12; since then it is several tokens between a start and
    an end token, and may contain other f-strings.
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
    """Spans of the statements that `code_text` removes."""

    def offset(line: int, column: int) -> int:
        # The syntax tree counts columns in bytes.
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
