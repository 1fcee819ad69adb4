"""What may not change any more: the code that decides bits, and the analysis plan.

Both were frozen before the first run on the official test images. A change of either is a decision:
runs made before it are other runs, or were judged by other rules. If a defect makes it necessary,
say so in the commit, make the runs concerned again, and pin the new hash here.
"""

from __future__ import annotations

from harness.protocol import decision
from harness.training.sources import sources_sha256

SOURCES_SHA256 = "aa3c594ad4151fcdd65263abf6425ceb3186641cc2268d38d32f1ea3b8c3d61e"
DECISION_SHA256 = "de9772752a4f77925e11b9d50592e9aaf11733456ed9f870d414ef1babb4d025"


def test_the_code_that_decides_bits_is_frozen() -> None:
    assert sources_sha256() == SOURCES_SHA256


def test_the_decision_file_is_frozen() -> None:
    assert decision.sha256() == DECISION_SHA256
