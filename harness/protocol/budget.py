"""Read and write the budget file: the tuned number of epochs. No torch here."""

from __future__ import annotations

from pathlib import Path

from pydantic import PositiveInt

from harness.files import write_atomically
from harness.protocol import rule_file
from harness.schema import StrictModel

FILE = Path(__file__).with_name("budget.toml")

_COMMENT = """\
# Passes over the training images in the protocol of the image datasets: the one tuned number.
# `python -m harness calibrate --budget FILE` writes it. `calibration_sha256` is of the record that
# the number comes from, empty while it is provisional, `calibrated_on` names its images; `former`
# are numbers that were in force before, under which older records were made.
"""


class Budget(StrictModel):
    """Number of epochs of the image protocols, and the calibration it comes from.

    Attributes:
        epochs: passes over the training images.
        calibration_sha256: SHA-256 of the calibration record's text; empty while provisional.
        calibrated_on: title of the dataset whose validation split it was tuned on.
        former: earlier values of `epochs`, oldest first.
    """

    epochs: PositiveInt
    calibration_sha256: str
    calibrated_on: str
    former: list[PositiveInt]

    @property
    def provisional(self) -> bool:
        """Whether the number was set by hand, before any calibration."""
        return not self.calibration_sha256

    def replaced_by(self, epochs: int, calibration_sha256: str, calibrated_on: str) -> Budget:
        """The budget after a calibration; the current number of epochs joins `former`."""
        former = [*self.former, *([self.epochs] if self.epochs != epochs else [])]
        return Budget(
            epochs=epochs,
            calibration_sha256=calibration_sha256,
            calibrated_on=calibrated_on,
            former=list(dict.fromkeys(former)),
        )

    def to_bytes(self) -> bytes:
        """The content of a budget file."""
        return (
            f"{_COMMENT}epochs = {self.epochs}\n"
            f'calibration_sha256 = "{self.calibration_sha256}"\n'
            f'calibrated_on = "{self.calibrated_on}"\n'
            f"former = {self.former}\n"
        ).encode()


def load() -> Budget:
    """Load the package's budget file.

    Raises:
        InputError: if it cannot be read, or see `harness.protocol.rule_file.parse`.
    """
    return rule_file.load(Budget, FILE)


def write(path: Path, budget: Budget) -> None:
    """Write a budget file.

    Raises:
        UnwritableError: if it cannot be written.
    """
    write_atomically(path, budget.to_bytes())
