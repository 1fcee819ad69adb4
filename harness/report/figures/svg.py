"""Inline SVG of a figure: colours as CSS variables, styles as classes, text in the page's font.

Matplotlib's SVG is rewritten because the page's policy forbids style attributes, and because its
colours depend on the reader's colour scheme.
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
    """The CSS classes for the styles of all figures of a page."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, text: str) -> str:
        """Return the class for the text of a style attribute."""
        text = _FAMILY.sub("", _COLOUR.sub(lambda m: _BY_LIGHT[m[0]], text))
        return self._names.setdefault(text, f"m{len(self._names)}")

    def css(self) -> str:
        """Return the CSS rules of all classes."""
        return "\n".join(f".{name}{{{text}}}" for text, name in self._names.items())


def inline(figure: Figure, key: str, alt: str, styles: Styles) -> str:
    """Render a figure as an `<svg>` element.

    Args:
        figure: drawn in `harness.report.figures.style`.
        key: prefix of its ids, unique in the page.
        alt: alternative text.
        styles: collects the styles of the figure.
    """
    root = ElementTree.fromstring(style.svg(figure, text=True))
    for parent in list(root.iter()):
        for child in list(parent):
            if _LOCAL.sub("", child.tag) in ("metadata", "style"):
                parent.remove(child)
    referenced = {
        name
        for element in root.iter()
        for value in element.attrib.values()
        for name in _REFERENCE.findall(value)
    }
    for element in root.iter():
        element.tag = _LOCAL.sub("", element.tag)
        attributes = {_LOCAL.sub("", name): value for name, value in element.attrib.items()}
        if attributes.pop("id", None) in referenced:
            attributes["id"] = f"{key}-{element.attrib['id']}"
        if "style" in attributes:
            attributes["class"] = styles.name(attributes.pop("style"))
        element.attrib.clear()
        for name, value in attributes.items():
            is_reference = name in ("href", "clip-path")
            element.set(name, _REFERENCE.sub(rf"#{key}-\1", value) if is_reference else value)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": alt, "class": "chart"}
    return ElementTree.tostring(root, encoding="unicode")
