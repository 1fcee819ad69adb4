"""The tuned number of epochs, which stands in one file. No torch here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness.files import write_atomically

FILE = Path(__file__).with_name("budget.toml")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Epochs of the image protocols, and where they come from.

    Attributes:
        epochs: passes over the training images.
        calibration_sha256: of the text of the calibration record; empty while provisional.
        calibrated_on: title of the images whose validation split it was tuned on.
        former: what it was before, oldest first.
    """

    epochs: int
    calibration_sha256: str
    calibrated_on: str
    former: list[int]

    @property
    def provisional(self) -> bool:
        """Whether the number was set by hand, before any calibration."""
        return not self.calibration_sha256


def load() -> Budget:
    """The budget of this checkout."""
    return Budget(**tomllib.loads(FILE.read_text(encoding="utf-8")))


def adopt(epochs: int, calibration_sha256: str, calibrated_on: str) -> None:
    """Make a budget the protocol's, from the next process on.

    Raises:
        InputError: if the file cannot be written.
    """
    before = load()
    former = [*before.former, *([before.epochs] if before.epochs != epochs else [])]
    text = FILE.read_text(encoding="utf-8")
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    values = (
        f"epochs = {epochs}\n"
        f'calibration_sha256 = "{calibration_sha256}"\n'
        f'calibrated_on = "{calibrated_on}"\n'
        f"former = {list(dict.fromkeys(former))}\n"
    )
    write_atomically(FILE, (comment + values).encode())
