"""A figure as SVG inside a page: colours by name, styles as classes, text in the page's font.

The page's policy forbids style attributes, and its colours depend on the reader's scheme; both
want what matplotlib writes to be rewritten.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from matplotlib.figure import Figure

from harness.report.figures import style

_REFERENCE = re.compile(r"#([^)\"]+)")

_LOCAL = re.compile(r"^\{[^}]*\}")

_FAMILY = re.compile(r"font-family: [^;]*; ?")

_BY_LIGHT = {shade.light: f"var(--{name})" for name, shade in style.PALETTE.items()}

_COLOUR = re.compile("|".join(_BY_LIGHT))


class Styles:
    """The styles of all figures of a page, each a class."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, text: str) -> str:
        """The class of a style attribute's text."""
        text = _FAMILY.sub("", _COLOUR.sub(lambda m: _BY_LIGHT[m[0]], text))
        return self._names.setdefault(text, f"m{len(self._names)}")

    def css(self) -> str:
        """A rule for each class."""
        return "\n".join(f".{name}{{{text}}}" for text, name in self._names.items())


def inline(figure: Figure, key: str, alt: str, styles: Styles) -> str:
    """An `<svg>` element for a page.

    Args:
        figure: drawn in `harness.report.figures.style`.
        key: unlike that of every other figure of the page; ids begin with it.
        alt: what the figure shows, for people who do not see it.
        styles: takes the figure's styles.
    """
    root = ElementTree.fromstring(style.svg(figure, text=True))
    for parent in list(root.iter()):
        for child in list(parent):
            if _LOCAL.sub("", child.tag) in ("metadata", "style"):
                parent.remove(child)
    used = {
        name
        for element in root.iter()
        for value in element.attrib.values()
        for name in _REFERENCE.findall(value)
    }
    for element in root.iter():
        element.tag = _LOCAL.sub("", element.tag)
        found = {_LOCAL.sub("", name): value for name, value in element.attrib.items()}
        if found.pop("id", None) in used:
            found["id"] = f"{key}-{element.attrib['id']}"
        if "style" in found:
            found["class"] = styles.name(found.pop("style"))
        element.attrib.clear()
        for name, value in found.items():
            local = name in ("href", "clip-path")
            element.set(name, _REFERENCE.sub(rf"#{key}-\1", value) if local else value)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": alt, "class": "chart"}
    return ElementTree.tostring(root, encoding="unicode")
