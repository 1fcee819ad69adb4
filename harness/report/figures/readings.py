"""Accuracy of the readings by number of epochs, beside public figures and the paper's 75 %."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from harness.paper.public_figures import BY_LETTER, NOT_STATED, PublicFigure
from harness.protocol.decision import Decision
from harness.report.figures import alt, style
from harness.report.figures.figure import WIDTH, CaptionedFigure
from harness.verdict.readings import ReadingResult

# What the paper's text says; percent.
_CLAIMED = 75.0

# Runs below are drawn at the lower edge: one that does not train would flatten all others.
_LOWEST = 50.0

_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

# Of our runs; public figures are squares.
_MARKERS = "D^vPX*"

# Characters of a name of which three fit side by side.
_SHORT = 16

# Public figures at the same number of epochs that are nearer have their letters on both sides.
_NEAR = 2.5

# Makes a text readable on a line.
_BACKING = {"boxstyle": "square,pad=0.12", "fc": style.PAGE, "lw": 0, "alpha": 0.85}

# Accuracy in percent by number of epochs, by the label of a line.
_Lines = dict[str, list[tuple[int, float]]]


def by_epochs(results: Sequence[ReadingResult], rules: Decision) -> CaptionedFigure:
    """Draw the accuracy of all readings, of `paper` and of public figures against epochs.

    Args:
        results: of `harness.verdict.readings.judge`, at least one.
        rules: the decision file.
    """
    base = rules.accuracy.variant
    lines = _lines(results)
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.axhline(
        _CLAIMED, color=style.REPORTED, dashes=(4, 2), lw=1.3, label=f"the paper: {_CLAIMED:g} %"
    )
    _draw_lines(axes, lines, base)
    epochs = [number for line in lines.values() for number, _ in line]
    epochs += [public.epochs for public in BY_LETTER.values() if public.epochs is not None]
    unstated = 1.6 * max(epochs)
    _draw_public(axes, unstated)
    _set_axes(axes, min(epochs), unstated)
    _note_hidden(axes, lines, math.sqrt(min(epochs) * unstated))
    # Names with a type of device leave room for two.
    ncols = 3 if max(map(len, lines), default=0) <= _SHORT else 2
    figure.legend(loc="outside lower center", ncols=ncols, columnspacing=1.2, handlelength=1.8)
    below = [name for name, line in lines.items() if min(value for _, value in line) < _LOWEST]
    caption = (
        "Lines: mean accuracy of our runs in the last epoch. Squares with a letter: public figures "
        "by others (their table is above), with a bar where there are several; filled with "
        f"augmentation, hollow without. Far right: number of epochs {NOT_STATED}. Dashed: the "
        f"{_CLAIMED:g} % that the paper states."
    )
    others = [*dict.fromkeys(map(_device, lines))][1:]
    if others:
        caption += f" Dotted with hollow marks: {', '.join(o.strip('()') for o in others)}."
    if below:
        caption += f" Arrow at the lower edge: an accuracy below {_LOWEST:g} %."
    return CaptionedFigure(
        name="accuracy",
        title="Accuracy of readings and of public figures",
        caption=caption,
        alt=f"{_of_lines(lines)}. {_of_public()}.",
        figure=figure,
    )


def _lines(results: Sequence[ReadingResult]) -> _Lines:
    """Lines of the variants with finished runs, one for each type of device, by epochs."""
    several = len({result.device_type for result in results}) > 1
    lines: _Lines = {}
    for result in sorted(results, key=lambda result: result.epochs):
        if result.n:
            name = f"{result.variant} ({result.device_type})" if several else result.variant
            lines.setdefault(name, []).append((result.epochs, 100 * result.accuracy))
    return lines


def _variant(name: str) -> str:
    return name.partition(" ")[0]


def _device(name: str) -> str:
    """The type of device of a line in brackets, empty if there is one type only."""
    return name.partition(" ")[2]


def _draw_lines(axes: Axes, lines: _Lines, base: str) -> None:
    marks = dict(zip(dict.fromkeys(map(_variant, lines)), itertools.cycle(_MARKERS), strict=False))
    first = next(map(_device, lines), "")
    for name, line in lines.items():
        is_base = _variant(name) == base
        colour = style.OURS if is_base else style.TRAINING
        is_other = _device(name) != first
        axes.plot(
            [epochs for epochs, _ in line],
            [value for _, value in line],
            marker="o" if is_base else marks[_variant(name)],
            ls=":" if is_other else "-",
            mfc=style.PAGE if is_other else colour,
            color=colour,
            ms=6,
            lw=2.2 if is_base else 1.2,
            zorder=4 if is_base else 3,
            label=name,
        )


def _note_hidden(axes: Axes, lines: _Lines, middle: float) -> None:
    """Name the runs below the lower edge, one above the other, towards the middle of the axis."""
    heights: Counter[int] = Counter()
    for name, line in lines.items():
        for epochs, value in line:
            if value < _LOWEST:
                is_left = epochs <= middle
                text = f"{name} {value:.1f}"
                axes.annotate(
                    f"↓ {text}" if is_left else f"{text} ↓",
                    (epochs, _LOWEST),
                    (-3 if is_left else 3, 3 + 11 * heights[epochs]),
                    textcoords="offset points",
                    ha="left" if is_left else "right",
                    fontsize=8.5,
                    color=style.INK,
                    bbox=_BACKING,
                    zorder=5,
                )
                heights[epochs] += 1


def _draw_public(axes: Axes, unstated: float) -> None:
    placed = sorted(
        (public.epochs or unstated, 100 * fmean(public.accuracies), letter)
        for letter, public in BY_LETTER.items()
    )
    previous, is_left = (0.0, 0.0), False
    for epochs, middle, letter in placed:
        public = BY_LETTER[letter]
        ends = [100 * accuracy for accuracy in public.accuracies]
        axes.plot([epochs] * len(ends), ends, color=style.MUTED, lw=1.6, marker="_", ms=6)
        fill = style.MUTED if public.augments else style.PAGE
        axes.plot(epochs, middle, "s", color=style.MUTED, mfc=fill, ms=5, zorder=3)
        is_near = epochs == previous[0] and middle - previous[1] < _NEAR
        previous, is_left = (epochs, middle), is_near and not is_left
        axes.annotate(
            letter,
            (epochs, middle),
            (-7 if is_left else 7, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize=8.5,
            color=style.INK,
            bbox=_BACKING,
            zorder=5,
        )
    for augments, label in ((True, "public, augmented"), (False, "public, not augmented")):
        fill = style.MUTED if augments else style.PAGE
        axes.plot([], [], "s", color=style.MUTED, mfc=fill, ms=5, label=label)


def _set_axes(axes: Axes, fewest: float, unstated: float) -> None:
    axes.set_xscale("log")
    ticks = [tick for tick in _TICKS if fewest <= tick < unstated / 1.25]
    axes.set_xticks([*ticks, unstated], [*map(str, ticks), NOT_STATED.replace(" ", "\n")])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvspan(unstated / 1.25, unstated * 1.25, color=style.ZONE, lw=0, zorder=0)
    axes.set_xlim(fewest / 1.2, unstated * 1.25)
    axes.set_ylim(bottom=max(_LOWEST, axes.get_ylim()[0]))
    axes.set_xlabel("epochs")
    axes.set_ylabel("test accuracy (%)")


def _of_lines(lines: _Lines) -> str:
    if not lines:
        return "No run of ours has finished"
    described = "; ".join(f"{name} {_of_line(line)}" for name, line in lines.items())
    return f"Test accuracy of our runs in percent by epochs: {described}"


def _of_line(line: list[tuple[int, float]]) -> str:
    values = ", ".join(f"{value:.2f} at {epochs}" for epochs, value in line)
    return f"{alt.course([value for _, value in line])}: {values}" if len(line) > 1 else values


def _of_public() -> str:
    sides: dict[str, list[str]] = {"above": [], "below": [], "on both sides": []}
    for letter, public in BY_LETTER.items():
        side = alt.beside(_CLAIMED, [100 * accuracy for accuracy in public.accuracies])
        # Seen from the figure and not from the claim.
        sides[{"above": "below", "below": "above", "between": "on both sides"}[side]].append(letter)
    listed = "; ".join(f"{letter} {_public(public)}" for letter, public in BY_LETTER.items())
    return f"Public figures by side of {_CLAIMED:g} %: {alt.grouped(sides)}. They are: {listed}"


def _public(public: PublicFigure) -> str:
    epochs = NOT_STATED if public.epochs is None else str(public.epochs)
    return f"{public.text} (epochs: {epochs})"
