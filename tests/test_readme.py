"""README says what the records say, and its lines are the ones that are run."""

from __future__ import annotations

import re

import variants
from tests.helpers.paths import ROOT

README = (ROOT / "README.md").read_text()


def test_files_that_readme_links_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links if "://" not in link)


def test_variants_that_readme_runs_exist() -> None:
    names = re.findall(r"--variant ([a-z0-9_,]+)", README)
    assert names
    for name in ",".join(names).split(","):
        assert name == "all" or name in variants.names()
