"""Modules that a run must not import before its first training step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.helpers.image_folders import write_image_folder
from tests.helpers.paths import ROOT

# Each takes longer to import than the images to read.
HEAVY = {"torchvision", "sklearn", "scipy", "timm", "pandas", "matplotlib", "torch._dynamo"}

SCRIPT = """
import sys
from pathlib import Path
from harness.cli import app
from harness.runs.options import RunOptions
from harness.runs.spec import run_specs
from harness.sweep import loop
from harness.progress import Reporter

class Stop(Reporter):
    def batch(self, done):
        print(",".join(sorted(set(sys.modules))))
        raise SystemExit

options = RunOptions(dataset="folder", data_dir=Path("data"), epochs=1)
data = loop.prepare(options)
loop.train_if_needed(*run_specs(["paper"], [0], options), data, Stop())
"""


def test_a_first_step_has_imported_nothing_heavy_but_torch(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "data")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    loaded = set(done.stdout.strip().split(","))
    assert "torch" in loaded
    assert not HEAVY & loaded
