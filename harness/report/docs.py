"""README's tables, and the page of results, from the data and records they stand for.

`python -m harness.report.docs` rewrites README's between their markers, `results/comparison.*` and
`results/README.md` with its figures; a test fails while any of them differs.
"""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

import variants
from harness import formatting
from harness.analysis import calibration_record, simulation
from harness.analysis import groups as analysis_groups
from harness.analysis.groups import Group
from harness.analysis.simulation import Rate
from harness.errors import InputError
from harness.files import write_atomically
from harness.paper.assumptions import unknowns
from harness.paper.claims import claims
from harness.protocol import decision
from harness.protocol.presets import PROTOCOLS
from harness.report import results_page, sections
from harness.report.sections import Section
from harness.report.text import comparison, markup
from harness.runs import store
from harness.verdict import study
from harness.verdict.study import Found

ROOT = Path(__file__).resolve().parents[2]

README = ROOT / "README.md"

RESULTS = ROOT / "results"


def claims_table() -> str:
    """Claims with what would confirm and refute each, as Markdown."""
    rows = claims(decision.load())
    return markup.markdown(
        {
            "claim": [c.sentence for c in rows],
            "where": [c.where for c in rows],
            "the paper's words": [f'"{c.quote}"' for c in rows],
            "confirmed if": [c.confirmed for c in rows],
            "refuted if": [c.refuted for c in rows],
        },
        words=True,
    )


def unknowns_table() -> str:
    """What the paper leaves open, as Markdown."""
    rows = unknowns(PROTOCOLS["cifar10"], decision.load())
    return markup.markdown(
        {
            "not stated": [u.what for u in rows],
            "assumed": [u.assumption for u in rows],
            "why": [u.why for u in rows],
        },
        words=True,
    )


def variants_table() -> str:
    """The registered variants and what each changes, as Markdown."""
    registered = [variants.get(name) for name in variants.names()]
    paper = variants.get(decision.load().contrasts.against)
    changed = [variants.changes(variant, paper) for variant in registered]
    return markup.markdown(
        {
            "variant": [variant.name for variant in registered],
            "changes": [", ".join(f"{k}={v}" for k, v in c.items()) or "-" for c in changed],
            "what it is": [variant.summary for variant in registered],
        },
        words=True,
    )


@functools.cache  # judging and drawing take seconds, and several texts rest on them
def _shown() -> tuple[Found, list[Section]]:
    found = study.read(RESULTS)
    return found, sections.sections(found)


def results_table() -> str:
    """The leading comparison of the committed records, as `compare` has it, but for the classes."""
    lead, rules = _shown()[0].lead, decision.load()
    tested = [row.variant for row in lead.ablations if lead.tested(rules, row.variant)]
    text = comparison.in_short(lead.group, tested)
    return re.sub(r"^## ", "### ", text, flags=re.MULTILINE).strip()


def _groups() -> list[Group]:
    records, damaged = store.load_all(RESULTS)
    if faults := [*damaged, *calibration_record.stored(RESULTS)[1]]:
        raise InputError(faults[0])
    return analysis_groups.group(records)[0]


def files() -> dict[Path, bytes]:
    """Everything that follows from data and records, by path, as it should be."""
    groups = _groups()
    return {
        README: updated(README.read_text(encoding="utf-8")).encode(),
        RESULTS / "comparison.md": comparison.render(groups, "markdown", full=True).encode(),
        RESULTS / "comparison.csv": comparison.render(groups, "csv", full=True).encode(),
        **results_page.files(*_shown()),
    }


def main() -> None:
    """Write what differs, and remove figures that no longer belong to the page."""
    wanted = files()
    for path in (RESULTS / results_page.FIGURES).glob("*.svg"):
        if path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
            print(path.relative_to(ROOT))


def updated(text: str) -> str:
    """A README with its tables as they should be.

    Raises:
        InputError: if it lacks a pair of markers.
    """
    named = (
        ("answer", results_page.answer_in_short(*_shown())),
        ("table", results_table()),
        ("calibration", results_page.calibration_in_short(*_shown())),
        ("claims", claims_table()),
        ("unknowns", unknowns_table()),
        ("variants", variants_table()),
    )
    for name, table in named:
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not between.search(text):
            raise InputError(f"README.md lacks <!-- {name} --> and <!-- /{name} --> on own lines.")
        text = between.sub(lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text)  # type: ignore[misc]
    return text


DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


def document(rates: list[Rate], worlds: int) -> str:
    """docs/statistics.md."""

    def bounds(rate: Rate) -> str:
        if rate.low is None and rate.high is None:
            return formatting.EMPTY
        low = "" if rate.low is None else f"{100 * rate.low:.1f}"
        high = "" if rate.high is None else f"{100 * rate.high:.1f}"
        return (
            f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
        )

    table = markup.markdown(
        {
            "what": [r.what for r in rates],
            "%": [f"{100 * r.value:.2f}" for r in rates],
            "must be, %": [bounds(r) for r in rates],
        }
    )
    return (
        "# How often the statistics err\n\n"
        f"Measured on {worlds:,} simulated worlds for each line, in which the truth is known and "
        "the reported mean is itself\ndrawn from two noisy runs. S: our seeds; SD: of a run over "
        "seeds, in percentage points. The standard error of a\nrate of 5 % is 0.22 points. "
        "Written by `python -m harness.report.docs --statistics`; `pytest -m slow` repeats it.\n\n"
        f"{table}\n"
    )


if __name__ == "__main__":
    try:
        if "--statistics" in sys.argv[1:]:
            rates = simulation.simulate()
            write_atomically(DOCUMENT, document(rates, simulation.WORLDS).encode())
        else:
            main()
    except InputError as error:
        print(f"harness.report.docs: {error}", file=sys.stderr)
        sys.exit(2)
