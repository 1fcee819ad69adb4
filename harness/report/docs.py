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
from harness.analysis.simulation import Rate
from harness.errors import InputError
from harness.files import write_atomically
from harness.paper.assumptions import assumptions
from harness.paper.claims import claims
from harness.protocol import decision
from harness.protocol.presets import PROTOCOLS
from harness.report import results_page, sections
from harness.report.sections import Section
from harness.report.text import comparison, markup
from harness.runs import store
from harness.verdict import study, verdict
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict

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
    rows = assumptions(PROTOCOLS["cifar10"], decision.load())
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
def _shown(results: Path) -> tuple[Study, list[Section]] | None:
    """The records of a folder, judged and drawn; None where there are none."""
    if not any(store.find(results)):
        return None
    found = study.load_study(results)
    return found, sections.sections(found)


def blocks(results: Path) -> dict[str, str]:
    """README's generated blocks, by the name of their markers."""
    shown = _shown(results)
    answer = table = results_page.NO_RUNS
    calibration = results_page.NO_CALIBRATION
    if shown:
        answer = results_page.answer_in_short(*shown) or answer
        table = results_table(shown[0].primary) or table
        calibration = results_page.calibration_in_short(*shown) or calibration
    return {
        "answer": answer,
        "table": table,
        "calibration": calibration,
        "claims": claims_table(),
        "unknowns": unknowns_table(),
        "variants": variants_table(),
    }


def results_table(lead: GroupVerdict) -> str:
    """The comparison of the leading records, as `compare` has it, but for the classes; empty where
    they are not of test images."""
    if lead.group.dataset.split != "test":
        return ""
    return re.sub(r"^## ", "### ", comparison.in_short(lead), flags=re.MULTILINE).strip()


def files(results: Path | None = None) -> dict[Path, bytes]:
    """Everything that follows from data and records, by path, as it should be.

    Args:
        results: the results folder; that of the checkout if None.

    Raises:
        InputError: if a record or calibration in it is damaged.
    """
    results = results or RESULTS
    records, damaged = store.load_all(results)
    if faults := [*damaged, *calibration_record.load_calibrations(results)[1]]:
        raise InputError(faults[0])
    readme = {README: updated(README.read_text(encoding="utf-8"), results).encode()}
    shown = _shown(results)
    if shown is None:
        page = f"# Results\n\n{results_page.NO_RUNS}\n"
        return {**readme, results / "README.md": page.encode()}
    judgements = verdict.judge_groups(analysis_groups.group(records)[0]).group_verdicts
    return {
        **readme,
        results / "comparison.md": comparison.render(judgements, "markdown", full=True).encode(),
        results / "comparison.csv": comparison.render(judgements, "csv", full=True).encode(),
        **results_page.files(*shown),
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


def updated(text: str, results: Path | None = None) -> str:
    """A README with its tables as they should be.

    Raises:
        InputError: if it lacks a pair of markers.
    """
    for name, block in blocks(results or RESULTS).items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not between.search(text):
            raise InputError(f"README.md lacks <!-- {name} --> and <!-- /{name} --> on own lines.")
        text = between.sub(lambda m, b=block: f"{m[1]}{b}\n{m[2]}", text)  # type: ignore[misc]
    return text


DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


def document(rates: list[Rate], worlds: int) -> str:
    """docs/statistics.md."""

    def measured(rate: Rate) -> str:
        value = 100 * rate.value if rate.unit == "%" else rate.value
        return f"{value:.2f} {rate.unit}"

    def bounds(rate: Rate) -> str:
        low = None if rate.low is None else f"{100 * rate.low:.2f}"
        high = None if rate.high is None else f"{100 * rate.high:.2f}"
        if low and high:
            return f"{low} to {high} %"
        if low:
            return f"at least {low} %"
        return f"at most {high} %" if high else formatting.EMPTY

    table = markup.markdown(
        {
            "what": [rate.what for rate in rates],
            "measured": [measured(rate) for rate in rates],
            "must be": [bounds(rate) for rate in rates],
        }
    )
    return (
        "# Error rates, coverage and power\n\n"
        f"Each line is measured in {worlds:,} simulated worlds in which the truth is known, by the "
        "functions that judge real runs.\nThe reported mean is drawn from two noisy runs in each "
        "world. d: our mean minus the reported one; SD: of the accuracy\nover seeds; both in "
        "percentage points. In a family of contrasts the deviations are unequal, 0.25 to 0.50. "
        "Seeds until\nsettled: mean number, 20 where nothing is settled. The standard error of a "
        f"rate of 5 % is {100 * (0.05 * 0.95 / worlds) ** 0.5:.2f} %.\n\n"
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
