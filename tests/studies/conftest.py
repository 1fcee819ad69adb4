"""Options with which trials and folds take a second."""

from __future__ import annotations

import pytest


@pytest.fixture
def short() -> tuple[str, ...]:
    """Runs of one epoch on the digits."""
    return ("--dataset", "digits", "--epochs", "1", "--device", "cpu", "--precision", "fp32")
