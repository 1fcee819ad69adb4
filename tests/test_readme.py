"""README and docs: links lead somewhere, commands exist, and the first page stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

import variants
from harness.cli import app
from tests.helpers.paths import ROOT

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as Markdown viewers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_of_docs_is_linked_from_readme() -> None:
    text = README.read_text()
    assert all(f"](docs/{page.name})" in text for page in ROOT.glob("docs/*.md"))


def test_readme_is_short() -> None:
    written = re.sub(r"(<!-- (\w+) -->).*?(<!-- /\2 -->)", "", README.read_text(), flags=re.DOTALL)
    assert len(written.splitlines()) <= 150


def test_commands_in_the_pages_exist_and_readme_names_them_all() -> None:
    known = set(typer.main.get_command(app.app).commands)  # type: ignore[attr-defined]
    for page in PAGES:
        named = set(re.findall(r"python -m harness ([a-z-]+)\b", page.read_text()))
        assert named <= known, page.name
    table = README.read_text().partition("## Commands")[2].partition("## ")[0]
    assert set(re.findall(r"`([a-z-]+)[ `]", table)) >= known


def test_variants_in_the_pages_exist() -> None:
    names = re.findall(r"--variants? ([a-z0-9_,]+)", "".join(p.read_text() for p in PAGES))
    assert names
    known = {"all", "dropout_90", *variants.FAMILIES, *variants.names()}
    assert set(",".join(names).split(",")) <= known
