"""The stored runs that tests pack and merge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.runs import store
from tests.helpers.paths import ROOT

STORED = ROOT / "tests/stored"

RUN = "digits/1-epochs-fp32/paper/seed-0"

FAILED_RUN = "digits/1-epochs-fp32/no_augmentation/seed-2"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a stored record."""
    path = folder / store.FILE
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields, indent=1) + "\n")
