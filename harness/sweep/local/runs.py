"""Progress of the runs of a local sweep: epochs, ends, and the workers that died of each."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from harness.progress import clock
from harness.runs.spec import RunSpec
from harness.runs.status import epochs_done
from harness.sweep.grid import GridState
from harness.sweep.local.display import PlainDisplay

# Workers that one run may end without finishing an epoch.
MAX_CRASHES = 5


class OpenRuns:
    """The runs that were open when the sweep began.

    Args:
        state: all runs of the grid by their status.

    Attributes:
        left: runs that have not ended, in order: {folder: run}.
        given_up: runs that workers are to record as failed, with the reason.
        refused: runs that cannot be trained, with the reason.
        unrecorded: runs that were given up, with the reason, but have no record that says so.
    """

    def __init__(self, state: GridState) -> None:
        self.left = {spec.directory: spec for spec in state.open}
        self.given_up: dict[Path, str] = {}
        self.refused: dict[Path, str] = {}
        self.unrecorded: list[tuple[RunSpec, str]] = []
        self._done = len(state.done)
        self._failed = len(state.failed) + len(state.refused)
        self._total = self._done + self._failed + len(self.left)
        self._epochs = {spec.directory: epochs_done(spec) for spec in state.open}
        self._reached: Counter[Path] = Counter()
        self._crashes: Counter[Path] = Counter()
        self._epochs_trained = 0
        self._began: float | None = None

    def begin(self, folder: Path, epochs: int) -> None:
        """A worker begins to train a run after `epochs` epochs."""
        self._epochs[folder] = epochs
        self._began = self._began or time.monotonic()

    def epoch(self, folder: Path, epoch: int) -> None:
        """A run has finished an epoch."""
        self._epochs[folder] = epoch
        self._epochs_trained += 1
        # An epoch that is trained again since its checkpoint was lost is no progress.
        if epoch > self._reached[folder]:
            self._reached[folder] = epoch
            self._crashes[folder] = 0
            self.given_up.pop(folder, None)

    def end(self, folder: Path, *, failed: bool) -> bool:
        """A run has finished or failed; returns whether that is news."""
        if self.left.pop(folder, None) is None:
            return False
        self._done += not failed
        self._failed += failed
        return True

    def refuse(self, folder: Path, reason: str) -> bool:
        """A run cannot be trained; returns whether that is news."""
        self.refused[folder] = reason
        return self.end(folder, failed=True)

    def lost(self, folder: Path, exit_description: str) -> str:
        """A worker has died while it trained a run; returns a message.

        Args:
            folder: folder of the run.
            exit_description: how the worker ended, such as "SIGKILL".
        """
        spec = self.left.get(folder)
        if spec is None:
            return f"{folder}: its worker ended ({exit_description}) after the run"
        self._crashes[folder] += 1
        if folder in self.given_up:
            self.unrecorded.append((spec, self.given_up[folder]))
            self.end(folder, failed=True)
            return f"{spec.title}: its failure cannot be recorded ({exit_description})"
        self._epochs[folder] = epochs_done(spec)
        if self._crashes[folder] < MAX_CRASHES:
            return f"{spec.title}: its worker ended ({exit_description}); it goes on in another"
        cause = exit_description
        if cause == "SIGKILL":
            cause = "killed by the system, perhaps for memory"
        self.given_up[folder] = (
            f"its worker died {MAX_CRASHES} times in a row without finishing an epoch ({cause})"
        )
        return f"{spec.title}: given up, {self.given_up[folder]}"

    def show(
        self, display: PlainDisplay, running: int, images_per_second: float, *, news: bool
    ) -> None:
        """Show the totals.

        Args:
            display: where.
            running: number of runs in training.
            images_per_second: of all of them together.
            news: whether a run has just ended.
        """
        text = (
            f"{self._done} of {self._total} done, {running} running, {self._failed} failed, "
            f"{max(0, len(self.left) - running)} pending"
        )
        if images_per_second:
            text += f"  {images_per_second:,.0f} images/s"
        if self._epochs_trained and self._began is not None:
            epochs = sum(
                spec.protocol.epochs - self._epochs[folder] for folder, spec in self.left.items()
            )
            seconds = epochs * (time.monotonic() - self._began) / self._epochs_trained
            text += f"  {clock(seconds)} left"
        display.show(self._done + self._failed, self._total, text, news=news)
