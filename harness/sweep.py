"""A grid on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.grid import Grid


def queued(grid: Grid) -> Mapping[Path, str]:
    """Nothing: this engine has no queue, and living leases show what runs."""
    return {}
