"""Render the report page of a results folder."""

from __future__ import annotations

from pathlib import Path

from harness.report import drawings
from harness.report.pages import html
from harness.verdict import study
from tests.helpers.html_outline import Tag, parse_page


def rendered(results: Path) -> bytes:
    loaded = study.load_study(results)
    return html.page(loaded, drawings.draw(loaded))


def outline(results: Path) -> Tag:
    return parse_page(rendered(results).decode())
