"""Write the figures of each epoch for TensorBoard as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UnwritableError, missing_extra
from harness.progress import Reporter, Row

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

# Scalar -> its key in a row of the history.
SCALARS = {
    "loss/train": "train_loss",
    "loss/evaluation": "eval_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/evaluation": "eval_accuracy",
    "learning rate": "lr",
    "images per second": "images_per_second",
}


class TensorBoardReporter(Reporter):
    """Write the history of each run to a folder of its own, by epoch.

    Args:
        folder: folder for all runs; a run's folder in it has the names that it has in the results.
        results: the results folder.

    Raises:
        InputError: if TensorBoard is not installed.
    """

    def __init__(self, folder: Path, results: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise missing_extra("--tensorboard", "TensorBoard", "tensorboard") from error
        self._make_writer = SummaryWriter
        self._folder, self._results = folder, results
        self._writer: SummaryWriter | None = None

    def start(self, folder: Path) -> None:
        self._run = self._folder / folder.relative_to(self._results)

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        # Epochs that are trained again, since their checkpoint was lost, replace the old ones.
        known = any(self._run.glob("events.out.tfevents.*"))
        try:
            self._writer = self._make_writer(str(self._run), purge_step=len(history) + 1)
        except OSError as error:
            raise UnwritableError(f"cannot write to {self._run} ({error.strerror}).") from error
        for row in [] if known else history:
            self.epoch(row)

    def epoch(self, row: Row) -> None:
        if self._writer is None:
            return
        for name, key in SCALARS.items():
            if row[key] is not None:
                self._writer.add_scalar(name, row[key], row["epoch"])
        self._writer.flush()

    def end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
