"""Colours: text can be read, and meanings differ for colour-blind readers too."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from harness.report.figures import style
from tests.helpers.paths import ROOT


def page_colours() -> dict[str, dict[str, str]]:
    """The colours of the page's style sheet, by scheme and name."""
    css = (ROOT / "harness/report/templates/page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in blocks)
    return {"light": light, "dark": dark}


SCHEMES = page_colours()


def contrast(first: ColorType, second: ColorType) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((style.luminance(first), style.luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_of_the_page_has_contrast(scheme: str) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    colours = SCHEMES[scheme]
    for text in ("ink", "muted", "ours", "reported", "training"):
        for ground in ("page", "panel"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def test_figures_have_the_colours_of_a_light_page() -> None:
    for name in ("page", "ink", "muted", "line", "ours", "reported", "training"):
        assert getattr(style, name.upper()) == SCHEMES["light"][name]


def test_text_on_cells_has_the_better_contrast() -> None:
    chosen, chosen_from = set(), {"#000000", "#ffffff"}
    for strength in np.linspace(0, 1, 256):
        cell = style.CELLS(strength)
        text = style.text_on(cell)
        assert contrast(text, cell) == max(contrast(other, cell) for other in chosen_from)
        chosen.add(text)
    assert chosen == chosen_from


def test_the_address_of_a_figure_is_its_svg_in_short() -> None:
    with style.applied():
        figure = Figure()
        figure.subplots().set_title('0.12345 & "<b>" = 50 %')
        address = style.data_uri(figure)
    assert not set(address) & set('"&\n')
    text = unquote(address.removeprefix("data:image/svg+xml,"))
    root = ElementTree.fromstring(text)
    assert root.find(".//*[@id='figure_1']") is None
    titles = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert '0.12345 & "<b>" = 50 %' in titles
    ids = {element.get("id") for element in root.iter()}
    assert set(re.findall(r"#([mp]\w{10})", text)) <= ids
    assert len(address) < len(style.svg(figure)) / 2


# Full colour blindness of each kind, on linear RGB (Machado, Oliveira, Fernandes 2009).
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab(colour: str, seen: list[list[float]]) -> np.ndarray:
    """CIE Lab of `#rrggbb` after this matrix of colour blindness."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(np.array(seen) @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_colours_of_different_meaning_differ_for_every_eye(scheme: str, kind: str) -> None:
    # Training is also dashed; ours and reported also differ in their marks.
    seen = [lab(SCHEMES[scheme][n], BLIND[kind]) for n in ("ours", "reported")]
    assert np.linalg.norm(seen[0] - seen[1]) > 40
