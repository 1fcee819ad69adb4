"""What a person sees while a run trains: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

Row = Mapping[str, Any]


class Reporter:
    """Tells nobody anything: what library callers get."""

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        """A run starts, or goes on after the epochs of `history`."""

    def batch(self, done: int) -> None:
        """`done` batches of the current epoch have been given to the device."""

    def epoch(self, row: Row) -> None:
        """An epoch ended; `row` is its line of the history."""

    def end(self) -> None:
        """The run ended, however it did."""

    def say(self, line: str) -> None:
        """Anything else worth a line."""


class Forwarder(Reporter):
    """Tells another reporter everything; for those that change a part of it."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self._reporter.begin(title, epochs, batches, history)

    def batch(self, done: int) -> None:
        self._reporter.batch(done)

    def epoch(self, row: Row) -> None:
        self._reporter.epoch(row)

    def end(self) -> None:
        self._reporter.end()

    def say(self, line: str) -> None:
        self._reporter.say(line)


class PlainReporter(Reporter):
    """One line an epoch, for logs."""

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self._title, self._epochs = title, epochs
        self._start, self._first = time.perf_counter(), len(history)
        if history:
            self.say(f"{title}: goes on after epoch {len(history)}")

    def epoch(self, row: Row) -> None:
        done = row["epoch"]
        spent = time.perf_counter() - self._start
        left = spent / (done - self._first) * (self._epochs - done)
        self.say(f"{self._title}: epoch {done}/{self._epochs}  {figures(row)}  {clock(left)} left")

    def say(self, line: str) -> None:
        print(line, flush=True)


class LiveReporter(Reporter):
    """A progress bar for the run; its figures are those of the last finished epoch."""

    def __init__(self) -> None:
        self._console = Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self._title, self._epochs, self._batches = title, epochs, batches
        self._done = len(history)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(
            self._description(),
            total=epochs * batches,
            completed=self._done * batches,
            figures=figures(history[-1]) if history else "first epoch",
        )
        self._progress.start()

    def batch(self, done: int) -> None:
        if self._progress:
            self._progress.update(self._task, completed=self._done * self._batches + done)

    def epoch(self, row: Row) -> None:
        self._done = row["epoch"]
        if self._progress:
            self._progress.update(self._task, description=self._description(), figures=figures(row))

    def end(self) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _description(self) -> str:
        return f"{self._title}  epoch {min(self._done + 1, self._epochs)}/{self._epochs}"


def for_terminal() -> Reporter:
    """A live display where standard output is a terminal, plain lines where it is not."""
    return LiveReporter() if sys.stdout.isatty() else PlainReporter()


def figures(row: Row) -> str:
    """A row of a history in one line; figures that are None are left out."""
    parts = []
    for name, part in (("loss", "train"), ("eval loss", "eval")):
        loss, accuracy = row[f"{part}_loss"], row[f"{part}_accuracy"]
        if loss is not None:
            share = "" if accuracy is None else f" accuracy {accuracy:.1%}"
            parts.append(f"{name} {loss:.3f}{share}")
    return "  ".join([*parts, f"{row['images_per_second']:,.0f} images/s"])


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
