"""The table of source files: each module that a run needs is hashed, or named as not hashed."""

from __future__ import annotations

import ast
import functools
import shutil
from importlib.util import resolve_name
from pathlib import Path

import pytest

from harness.training.sources import NOT_HASHED, SOURCES, code_text, is_type_checking
from tests.helpers.paths import ROOT

HASHED = {path.removesuffix(".py").replace("/", ".") for _, path in SOURCES}


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
