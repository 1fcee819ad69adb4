"""Commands that train nothing: what is registered, the network, the data and the grid."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import variants
from tests.helpers.paths import ROOT

Harness = Callable[..., subprocess.CompletedProcess[str]]


def test_show_resolves_a_variant(harness: Harness) -> None:
    shown = harness("show", "paper", full_network=True).stdout
    assert "23,272,266 parameters, 62.7 M multiply-adds" in shown
    assert "Linear(in_features=4096, out_features=10, bias=True)" in shown
    shown = harness("show", "keras_sgd", full_network=True).stdout
    settings, shared = shown.split("shared by all variants")
    for setting in ("initialization    glorot", "batch_size         32", "momentum           0.0"):
        assert setting.split() in [line.split() for line in settings.splitlines()]
    assert "momentum" not in shared


def test_data_prints_the_fingerprint(harness: Harness) -> None:
    shown = harness("data", "--dataset", "digits").stdout
    assert "1,437 training and 360 test images" in shown
    assert re.search(r"fingerprint: [0-9a-f]{64}\n", shown)


def test_help_list_and_imports_stay_light() -> None:
    code = (
        "import sys, harness, harness.cli.app, variants\n"
        "sys.argv = ['harness', 'list']\n"
        "try: harness.cli.app.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'sklearn', 'scipy'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = [line.split()[:2] for line in done.stdout.splitlines()]
    shown = [(variant.family, variant.name) for variant in map(variants.get, variants.names())]
    assert len(shown) == 17
    assert [tuple(words) for words in listed if words[0] in variants.FAMILIES] == shown


def test_a_grid_of_a_family(harness: Harness) -> None:
    grid = ("--variants", "readings,paper", "--dataset", "digits")
    shown = harness("sweep", *grid, "--status").stdout.splitlines()
    names = [*variants.names("readings"), "paper"]
    assert shown == [
        *(f"{name} seed 0: pending" for name in names),
        "5 runs: 0 done, 0 failed, 0 running, 5 pending",
    ]
