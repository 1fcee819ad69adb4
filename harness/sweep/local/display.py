"""Display of a local sweep: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys

from rich.progress import Progress

from harness.progress import COLUMNS, LiveReporter, PlainReporter, Reporter


class PlainDisplay:
    """Print a line for each epoch and each run that ends, for logs."""

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def reporter(self) -> Reporter:
        """The reporter of one worker's runs."""
        return PlainReporter()

    def show(self, ended: int, total: int, text: str, *, news: bool) -> None:
        """Show how many of all runs have ended, and a text; `news` if a run has just ended."""
        if news:
            self.say(text)

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, flush=True)


class LiveDisplay(PlainDisplay):
    """Show a bar for the grid and one for each run in training; lines scroll above them."""

    def __init__(self) -> None:
        self._bars = Progress(*COLUMNS, transient=True)
        self._grid = self._bars.add_task("grid", total=None, figures="starting")

    def __enter__(self) -> LiveDisplay:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def reporter(self) -> Reporter:
        return LiveReporter(self._bars)

    def show(self, ended: int, total: int, text: str, *, news: bool) -> None:
        self._bars.update(self._grid, total=total, completed=ended, figures=text)

    def say(self, line: str) -> None:
        LiveReporter(self._bars).say(line)


def for_terminal() -> PlainDisplay:
    """The display for standard output: bars on a terminal, else plain lines."""
    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay()
