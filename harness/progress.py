"""Report the progress of a run: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

Row = Mapping[str, Any]

# Columns of a bar.
COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(bar_width=20),
    TextColumn("{task.fields[figures]}", markup=False),
)


class Reporter:
    """Interface of all reporters; this one prints nothing, as library callers expect."""

    def start(self, folder: Path) -> None:
        """This process has locked a run's folder and is about to train the run."""

    def wait(self, title: str, folder: Path) -> None:
        """Only runs that other processes train are left; called once for each of them."""

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        """A run starts, or resumes after the epochs in `history`."""

    def batch(self, done: int) -> None:
        """`done` batches of the current epoch have been sent to the device."""

    def epoch(self, row: Row) -> None:
        """An epoch ended; `row` is its row of the history."""

    def end(self) -> None:
        """The run ended, successfully or not."""

    def say(self, line: str) -> None:
        """Print a line."""


class Several(Reporter):
    """Send every event to several reporters."""

    def __init__(self, *reporters: Reporter) -> None:
        for event in ("start", "wait", "begin", "batch", "epoch", "end", "say"):
            methods = [getattr(reporter, event) for reporter in reporters]
            setattr(self, event, partial(_call_all, methods))


def _call_all(methods: Sequence[Callable[..., None]], *arguments: object) -> None:
    for method in methods:
        method(*arguments)


class TerminalReporter(Reporter):
    """Base class of the reporters of this process's own runs."""

    def wait(self, title: str, folder: Path) -> None:
        self.say(f"{title}: another process trains it; waiting")


class PlainReporter(TerminalReporter):
    """Print one line per epoch, for logs."""

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self._title, self._epochs = title, epochs
        self._start, self._epochs_before = time.perf_counter(), len(history)
        if history:
            self.say(f"{title}: resumes after epoch {len(history)}")

    def epoch(self, row: Row) -> None:
        epoch = row["epoch"]
        elapsed = time.perf_counter() - self._start
        left = elapsed / (epoch - self._epochs_before) * (self._epochs - epoch)
        self.say(f"{self._title}: epoch {epoch}/{self._epochs}  {figures(row)}  {clock(left)} left")

    def say(self, line: str) -> None:
        print(line, flush=True)


class LiveReporter(TerminalReporter):
    """Show a bar with the figures of the last finished epoch.

    Args:
        bars: started bars that the run's bar is added to; None for bars of this run alone.
    """

    def __init__(self, bars: Progress | None = None) -> None:
        self._alone = bars is None
        self._bars = bars or Progress(*COLUMNS, TimeRemainingColumn(), transient=True)
        self._task: TaskID | None = None

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self.end()
        self._title, self._epochs, self._batches = title, epochs, batches
        self._task = self._bars.add_task("", total=epochs * batches, figures="")
        self._show(len(history), figures(history[-1]) if history else "first epoch")
        if self._alone:
            self._bars.start()

    def batch(self, done: int) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=self._epochs_done * self._batches + done)

    def epoch(self, row: Row) -> None:
        self._show(row["epoch"], figures(row))

    def end(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        if self._alone:
            self._bars.stop()

    def say(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _show(self, epochs_done: int, text: str) -> None:
        self._epochs_done = epochs_done
        epoch = min(epochs_done + 1, self._epochs)
        if self._task is not None:
            self._bars.update(
                self._task,
                description=f"{self._title}  epoch {epoch}/{self._epochs}",
                completed=epochs_done * self._batches,
                figures=text,
            )


def for_terminal() -> Reporter:
    """The reporter for standard output: a progress bar on a terminal, else plain lines."""
    return LiveReporter() if sys.stdout.isatty() else PlainReporter()


def figures(row: Row) -> str:
    """Format a row of the history as one line; figures that are None are omitted."""
    parts = []
    for name, split in (("loss", "train"), ("eval loss", "eval")):
        loss, accuracy = row[f"{split}_loss"], row[f"{split}_accuracy"]
        if loss is not None:
            accuracy_text = "" if accuracy is None else f" accuracy {accuracy:.1%}"
            parts.append(f"{name} {loss:.3f}{accuracy_text}")
    return "  ".join([*parts, f"{row['images_per_second']:,.0f} images/s"])


def clock(seconds: float) -> str:
    """Format seconds as m:ss, or h:mm:ss from one hour on."""
    minutes, seconds_left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds_left:02d}" if hours else f"{minutes}:{seconds_left:02d}"
