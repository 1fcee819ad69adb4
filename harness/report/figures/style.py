"""Style of all figures: colours for light and dark pages, fonts, lines."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import matplotlib as mpl
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Shade:
    """One colour on a light and on a dark page, as `#rrggbb`."""

    light: str
    dark: str


STEPS = 20  # of each scale, besides its first colour

_BLACK, _WHITE = "#000000", "#ffffff"


def blend(start: str, end: str, share: float) -> str:
    """Mix two `#rrggbb` colours: `start` at a share of 0, `end` at 1."""
    pairs = ((int(start[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


# Okabe and Ito's colours, which colour-blind readers can distinguish; lighter ones on dark pages.
# Equal light colours have equal dark ones, because `harness.report.figures.svg` finds the name of a
# colour by its light value.
_BASE = {
    "page": Shade(_WHITE, "#12161c"),
    "ink": Shade("#171a1f", "#e9ecf0"),
    "muted": Shade("#59616b", "#a6afba"),
    "line": Shade("#c3c9d1", "#434c58"),
    "ours": Shade("#0072b2", "#56b4e9"),
    "reported": Shade("#bc4b00", "#e69f00"),
    "training": Shade("#00795a", "#2fc39a"),
    "zone": Shade("#e3edf5", "#1e3342"),
}


def _scale(name: str, start: Shade, end: Shade) -> dict[str, Shade]:
    """Return the steps of a scale, denser near `start`, because most shares are small."""
    steps = [((i / STEPS) ** 0.7, f"{name}-{i}") for i in range(STEPS + 1)]
    return {
        key: Shade(blend(start.light, end.light, share), blend(start.dark, end.dark, share))
        for share, key in steps
    }


_EMPTY = Shade("#f6f8fa", "#1a2029")

_SCALES = {
    **_scale("share", _EMPTY, _BASE["ours"]),
    **_scale("more", Shade("#f5f7fa", "#1b2029"), Shade("#0070b0", "#58b4e9")),
    **_scale("less", Shade("#f5f6fa", "#1b2129"), Shade("#be4b00", "#e8a000")),
}

# Text on a cell is black or white, whichever reads better on its shade in each scheme.
_ON = {
    "on-pale": Shade("#000001", _WHITE),
    "on-middle": Shade("#000002", _BLACK),
    "on-both": Shade("#fffffd", _WHITE),
    "on-strong": Shade("#fffffe", _BLACK),
}

PALETTE: Mapping[str, Shade] = MappingProxyType({**_BASE, **_SCALES, **_ON})


def text_on(name: str) -> str:
    """Return the name of the text colour with the best contrast on a colour of the palette."""
    shade = PALETTE[name]
    light, dark = (
        contrast(_WHITE, c) > contrast(_BLACK, c)  # white reads better
        for c in (shade.light, shade.dark)
    )
    return {
        (False, True): "on-pale",
        (False, False): "on-middle",
        (True, True): "on-both",
        (True, False): "on-strong",
    }[light, dark]


def step(name: str, share: float) -> str:
    """Return the name of the colour at a share, 0 to 1, of a scale: "share", "more" or "less"."""
    return f"{name}-{round(min(max(share, 0.0), 1.0) * STEPS)}"


def colour(name: str) -> str:
    """Return a colour of the palette for light pages, for which figures are drawn."""
    return PALETTE[name].light


INK, MUTED, LINE = colour("ink"), colour("muted"), colour("line")

OURS, REPORTED, TRAINING = colour("ours"), colour("reported"), colour("training")

ZONE, PAGE = colour("zone"), colour("page")

# Names and values are checked by matplotlib.
_SETTINGS: dict[Any, Any] = {
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.alpha": 0.6,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "savefig.dpi": 120,
    # The same figure gives the same file: without time and random names.
    "svg.hashsalt": "alexnet-bench",
}


@contextmanager
def applied(fonttype: str = "path") -> Iterator[None]:
    """Create and save figures in this style within a `with` block.

    Args:
        fonttype: of SVG files: "path" for outlines of letters, "none" for text.
    """
    with mpl.rc_context({**_SETTINGS, "svg.fonttype": fonttype}):
        yield


def png(figure: Figure) -> bytes:
    """Render a figure as PNG on white, without matplotlib's version in the metadata."""
    buffer = io.BytesIO()
    with applied():
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, *, text: bool = False) -> bytes:
    """Render a figure as SVG on white.

    Args:
        figure: the figure.
        text: keep text as text, in the font of the page; else draw it as outlines, which look
            the same everywhere.
    """
    buffer = io.BytesIO()
    with applied("none" if text else "path"):
        figure.savefig(
            buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return buffer.getvalue()


# What makes matplotlib's SVG long: the font of each text, rotations by nothing, ids that nothing
# refers to, and more than two decimals within a tag.
_VERBOSE = re.compile(
    r'font-family: [^;]*; | transform="rotate\(-0 [^"]*"| id="[\w.]+_\d+"|(?<=\.\d\d)\d+(?=[^<>]*>)'
)

_SAFE = " =:/;,'()!@*+-._~?<>"


def data_uri(figure: Figure) -> str:
    """Render a figure as the address of an `<img>`: a short SVG, with text in the reader's font.

    It has neither a double quote nor an ampersand, so that an attribute can hold it as it is.
    """
    text = " ".join(svg(figure, text=True).decode().split())
    text = _VERBOSE.sub("", text[text.index("<svg") :])
    text = text.replace("*{", "*{font-family:system-ui,sans-serif;", 1)
    return f"data:image/svg+xml,{quote(text, safe=_SAFE)}"
