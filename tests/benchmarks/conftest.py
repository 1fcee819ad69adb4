"""Benchmarks run with --benchmark-only and end with a table of throughput and memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tabulate import tabulate

HERE = Path(__file__).parent

ROWS = pytest.StashKey[dict[str, dict[str, Any]]]()

# Of each column: its head and the form of its numbers.
COLUMNS = {
    "images_per_second": ("images/s", ",.0f"),
    "against_images_per_second": ("against images/s", ",.0f"),
    "ratio": ("ratio", ".2f"),
    "flops_share": ("of FLOP/s", ".2f"),
    "bytes_share": ("of bytes/s", ".2f"),
    "over_floor": ("over floor", ".1f"),
    "seconds": ("seconds", ".3f"),
    "precision": ("precision", ""),
    "peak_memory_mib": ("peak MiB", ",.0f"),
    "against_peak_memory_mib": ("against MiB", ",.0f"),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the benchmarks out unless they are what was asked for: they take minutes."""
    if config.getoption("benchmark_only", False):
        return
    timed = [item for item in items if HERE in item.path.parents]
    if timed:
        config.hook.pytest_deselected(items=timed)
        items[:] = [item for item in items if item not in timed]


@pytest.fixture
def row(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> Iterator[dict[str, Any]]:
    """What is saved with the test's times; once filled, also its row of the summary."""
    yield benchmark.extra_info
    if benchmark.extra_info:
        rows = request.config.stash.setdefault(ROWS, {})
        rows[request.node.name] = benchmark.extra_info


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what pytest-benchmark's table of seconds leaves out."""
    if not (rows := config.stash.get(ROWS, {})):
        return
    terminalreporter.section("throughput (medians)")
    for line in sorted({f"{info['form']} form on {info['device']}" for info in rows.values()}):
        terminalreporter.line(line)
    table = [[name, *(info.get(key) for key in COLUMNS)] for name, info in rows.items()]
    headers, formats = zip(("", ""), *COLUMNS.values(), strict=True)
    terminalreporter.line(tabulate(table, headers, floatfmt=formats))
