"""Style of all figures: colours, fonts, lines. One light palette; dark pages show a white card."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

INK, MUTED, LINE = "#171a1f", "#59616b", "#c3c9d1"

# Okabe and Ito's colours, darkened to be readable as text; colour-blind readers can distinguish
# them.
OURS, REPORTED, TRAINING = "#0072b2", "#bc4b00", "#00795a"

ZONE, PAGE = "#e3edf5", "#ffffff"

# Cells of a matrix, from -1 (less) over 0 (empty) to 1 (more, or a large share).
CELLS = LinearSegmentedColormap.from_list("cells", [REPORTED, "#f6f8fa", OURS])


def luminance(colour: ColorType) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_on(colour: ColorType) -> str:
    """Return black or white, whichever has more contrast on a colour."""
    # Both have the same contrast where (luminance + 0.05)^2 = 1.05 * 0.05.
    return "#ffffff" if luminance(colour) < 0.179 else "#000000"


# Names and values are checked by matplotlib.
_SETTINGS: dict[Any, Any] = {
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # class names may have dollar signs
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
    with applied():
        return _saved(figure, "png", {"Software": None})


def svg(figure: Figure, fonttype: str = "path") -> bytes:
    """Render a figure as SVG on white.

    Args:
        figure: the figure.
        fonttype: "path" draws text as outlines, which look the same everywhere.
    """
    with applied(fonttype):
        return _saved(figure, "svg", dict.fromkeys(("Date", "Creator", "Format", "Type")))


def _saved(figure: Figure, form: str, metadata: dict[str, None]) -> bytes:
    """Return the bytes of a figure; its layout is fixed from then on."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)  # savefig would draw everything twice to find it again
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, metadata=metadata)
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
    text = " ".join(svg(figure, "none").decode().split())
    text = _VERBOSE.sub("", text[text.index("<svg") :])
    text = text.replace("*{", "*{font-family:system-ui,sans-serif;", 1)
    return f"data:image/svg+xml,{quote(text, safe=_SAFE)}"
