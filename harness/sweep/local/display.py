"""What a person sees of a sweep: one live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from harness.progress import PlainReporter, Reporter, Row, clock, figures


@dataclass(frozen=True)
class Tally:
    """How far the grid is.

    Attributes:
        total, done, failed, running, pending: runs.
        images_per_second: of all that train now, together.
        left: seconds; None where nothing is known yet.
    """

    total: int
    done: int
    failed: int
    running: int
    pending: int
    images_per_second: float = 0.0
    left: float | None = None

    def __str__(self) -> str:
        speed = f"  {self.images_per_second:,.0f} images/s" if self.images_per_second else ""
        left = f"  {clock(self.left)} left" if self.left is not None else ""
        return (
            f"{self.done} of {self.total} done, {self.running} running, {self.failed} failed, "
            f"{self.pending} pending{speed}{left}"
        )


class PlainBoard:
    """A line for each epoch and each run that ends, for logs."""

    def __enter__(self) -> PlainBoard:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def reporter(self) -> Reporter:
        """For one slot of a worker."""
        return PlainReporter()

    def show(self, tally: Tally, *, ended: bool) -> None:
        """The state of the grid; `ended` where a run has just ended."""
        if ended:
            self.say(str(tally))

    def say(self, line: str) -> None:
        """Anything else."""
        print(line, flush=True)


class LiveBoard(PlainBoard):
    """The grid's bar and one for each run that trains; what is said scrolls above them."""

    def __init__(self) -> None:
        self._console = Console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[figures]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._grid = self._progress.add_task("grid", total=None, figures="starting")

    def __enter__(self) -> LiveBoard:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def reporter(self) -> Reporter:
        return _Bar(self, self._progress)

    def show(self, tally: Tally, *, ended: bool) -> None:
        settled = tally.done + tally.failed
        self._progress.update(self._grid, total=tally.total, completed=settled, figures=str(tally))

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Bar(Reporter):
    """One run's bar."""

    def __init__(self, board: LiveBoard, progress: Progress) -> None:
        self._board = board
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self.end()
        self._title, self._epochs, self._batches = title, epochs, batches
        self._task = self._progress.add_task("", total=epochs * batches, figures="")
        self._show(len(history), figures(history[-1]) if history else "first epoch")

    def batch(self, done: int) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=self._done * self._batches + done)

    def epoch(self, row: Row) -> None:
        self._show(row["epoch"], figures(row))

    def end(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def say(self, line: str) -> None:
        self._board.say(line)

    def _show(self, done: int, text: str) -> None:
        self._done = done
        if self._task is not None:
            self._progress.update(
                self._task,
                description=f"{self._title}  epoch {min(done + 1, self._epochs)}/{self._epochs}",
                completed=done * self._batches,
                figures=text,
            )


def for_terminal() -> PlainBoard:
    """A live display where standard output is a terminal, plain lines where it is not."""
    return LiveBoard() if sys.stdout.isatty() else PlainBoard()
