"""Colours: text can be read, and meanings differ for colour-blind readers too."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.report.figures import style


def test_text_has_contrast_in_both_schemes() -> None:
    def ratios(text: str, ground: str) -> tuple[float, float]:
        a, b = style.PALETTE[text], style.PALETTE[ground]
        return style.contrast(a.light, b.light), style.contrast(a.dark, b.dark)

    assert style.contrast("#000000", "#ffffff") == pytest.approx(21)
    for text in ("ink", "muted", "ours", "reported", "training"):
        for ground in ("page", "share-0"):  # the page and its panels
            assert min(ratios(text, ground)) >= 4.5, (text, ground)
    for name in style.PALETTE:
        if re.match(r"(share|more|less)-", name):
            assert min(ratios(style.text_on(name), name)) >= 4.5, name


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
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_different_meaning_differ_for_every_eye(scheme: str, kind: str) -> None:
    # Training is also dashed; ours and reported also differ in their marks.
    seen = [lab(getattr(style.PALETTE[n], scheme), BLIND[kind]) for n in ("ours", "reported")]
    assert np.linalg.norm(seen[0] - seen[1]) > 40
