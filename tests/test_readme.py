"""README says what the records say, and its lines are the ones that are run."""

from __future__ import annotations

import re

import variants
from harness import compare, record, tables
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
RESULTS = ROOT / "results"


def rendered(*, full: bool) -> str:
    records, faults = record.load_all(RESULTS)
    assert not faults
    return tables.render(compare.group(records)[0], "markdown", full=full)


def test_the_committed_table_is_that_of_the_committed_records() -> None:
    assert (RESULTS / "comparison.md").read_text() == rendered(full=True)


def test_the_table_of_readme_is_that_of_the_records() -> None:
    (shown,) = re.findall(r"<!-- table -->\n(.*?)<!-- /table -->", README, re.DOTALL)
    assert shown.strip()
    assert shown.strip() in rendered(full=False)


def test_files_that_readme_links_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links if "://" not in link)


def test_variants_that_readme_runs_exist() -> None:
    names = re.findall(r"--variant ([a-z0-9_,]+)", README)
    assert names
    for name in ",".join(names).split(","):
        assert name == "all" or name in variants.names()
