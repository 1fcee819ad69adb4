"""The generated parts of README and docs, and the page of results.

`python -m harness docs` writes them from the variants, the paper's claims and the stored records.
A generated part stands between two markers, `<!-- name -->` and `<!-- /name -->`, in whichever
page shows it. A test fails while any of them differs from what it is generated from.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import variants
from harness.analysis import calibration_record, simulation
from harness.analysis import groups as analysis_groups
from harness.errors import InputError
from harness.files import write_atomically
from harness.paper.assumptions import assumptions
from harness.paper.claims import claims
from harness.protocol import decision
from harness.protocol.presets import PROTOCOLS
from harness.report import results_page, sections, statistics_page
from harness.report.sections import Section
from harness.report.text import comparison, markup
from harness.runs import store
from harness.verdict import study, verdict
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict

ROOT = Path(__file__).resolve().parents[2]


def claims_table() -> str:
    """Claims with what would confirm and refute each, as Markdown."""
    rows = claims(decision.load())
    return markup.markdown(
        {
            "claim": [claim.sentence for claim in rows],
            "where": [claim.where for claim in rows],
            "the paper's words": [f'"{claim.quote}"' for claim in rows],
            "confirmed if": [claim.confirmed for claim in rows],
            "refuted if": [claim.refuted for claim in rows],
        },
        words=True,
    )


def assumptions_table() -> str:
    """What the paper does not state, what is assumed and why, as Markdown."""
    rows = assumptions(PROTOCOLS["cifar10"], decision.load())
    return markup.markdown(
        {
            "not stated": [row.what for row in rows],
            "assumed": [row.assumption for row in rows],
            "why": [row.why for row in rows],
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


@functools.cache  # judging and drawing take seconds, and several texts are made from them
def _read(results: Path) -> tuple[Study, list[Section]] | None:
    """The records of a folder, judged and drawn; None without records."""
    if not any(store.find(results)):
        return None
    loaded = study.load_study(results)
    return loaded, sections.sections(loaded)


def blocks(results: Path) -> dict[str, str]:
    """Every generated part as Markdown, by the name of its markers.

    Args:
        results: the results folder.
    """
    answer, table = results_page.NO_RUNS, ""
    calibration = results_page.NO_CALIBRATION
    if content := _read(results):
        answer = results_page.answer_in_short(*content) or answer
        table = results_table(content[0].primary)
        calibration = results_page.calibration_in_short(*content) or calibration
    return {
        "answer": answer,
        "table": table,
        "calibration": calibration,
        "claims": claims_table(),
        "assumptions": assumptions_table(),
        "variants": variants_table(),
    }


_LEGEND = (
    "The first two rows are the runs that the paper reports; F1 is the mean over classes; "
    '"vs paper" is in percentage points against the mean of our `paper` runs.'
)


def results_table(primary: GroupVerdict) -> str:
    """The comparison of the primary group as `compare` prints it, without the table of classes.

    Empty if its runs were not evaluated on test images.
    """
    if primary.group.dataset.split != "test":
        return ""
    table = re.sub(r"^## ", "### ", comparison.in_short(primary), flags=re.MULTILINE).strip()
    return f"{table}\n\n{_LEGEND}"


def updated(pages: Mapping[Path, str], generated: Mapping[str, str]) -> dict[Path, str]:
    """Pages with their generated parts as they should be.

    Args:
        pages: text by path.
        generated: see `blocks`.

    Raises:
        InputError: if a part is in none of the pages.
    """
    texts = dict(pages)
    for name, block in generated.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not any(marked.search(text) for text in texts.values()):
            raise InputError(
                f"neither README.md nor a page of docs has the markers <!-- {name} --> and "
                f"<!-- /{name} -->, each on a line of its own: add them where it is to be shown."
            )
        for path, text in texts.items():
            # Links in a part start at the root of the checkout.
            linked = block.replace("](results/", "](../results/") if _in_docs(path) else block
            texts[path] = marked.sub(lambda m, b=linked: f"{m[1]}{b}\n{m[2]}", text)  # type: ignore[misc]
    return texts


def _in_docs(page: Path) -> bool:
    return page.parent.name == "docs"


def files(root: Path = ROOT, results: Path | None = None) -> dict[Path, bytes]:
    """Everything that is generated from variants, claims and records, by path.

    Args:
        root: the checkout.
        results: the results folder; that of the checkout if None.

    Raises:
        InputError: if there is no README, or a record or calibration is damaged.
    """
    results = results or root / "results"
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    if not pages[0].exists():
        raise InputError(
            f"{pages[0]} does not exist: docs writes the pages of a checkout. "
            "Install the package from one with pip install -e ."
        )
    records, damaged = store.load_all(results) if results.exists() else ([], [])
    if faults := [*damaged, *calibration_record.load_calibrations(results)[1]]:
        raise InputError(faults[0])
    texts = updated({path: path.read_text(encoding="utf-8") for path in pages}, blocks(results))
    generated = {path: text.encode() for path, text in texts.items()}
    content = _read(results)
    if content is None:
        page = f"# Results\n\n{results_page.NO_RUNS}\n"
        return {**generated, results / "README.md": page.encode()}
    group_verdicts = verdict.judge_groups(analysis_groups.group(records)[0]).group_verdicts
    forms = {"md": "markdown", "csv": "csv"}
    tables = {
        results / f"comparison.{end}": comparison.render(group_verdicts, form, full=True).encode()
        for end, form in forms.items()
    }
    return {**generated, **tables, **results_page.files(*content)}


def write(root: Path = ROOT) -> list[Path]:
    """Write the files that differ, and remove figures that no page shows any more.

    Args:
        root: the checkout.

    Returns:
        What was written, from the root.

    Raises:
        InputError: see `files`; nothing is written then.
    """
    wanted = files(root)
    for path in (root / "results" / results_page.FIGURES).glob("*.svg"):
        if path not in wanted:
            path.unlink()
    written = []
    for path, content in wanted.items():
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
            written.append(path.relative_to(root))
    return written


def write_statistics(root: Path = ROOT) -> Path:
    """Simulate the error rates of the statistics and write docs/statistics.md; takes minutes.

    Returns:
        The page, from the root.
    """
    page = statistics_page.page(simulation.simulate(), simulation.WORLDS)
    path = root / "docs" / "statistics.md"
    write_atomically(path, page.encode())
    return path.relative_to(root)
