"""Sections of the report: tables, sentences and figures of each group of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import formatting
from harness.analysis.calibration import Calibration
from harness.analysis.groups import VariantRuns, in_order
from harness.protocol.decision import Decision
from harness.report import provenance
from harness.report import tables as report_tables
from harness.report.figures import by_epoch, by_variant, confusion, style
from harness.report.figures.figure import CaptionedFigure
from harness.report.tables import Table
from harness.report.text import budget
from harness.report.text.sentences import paragraph, steps
from harness.verdict.eligibility import Obstacle
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict

# Prefixes of the anchors of budget curves and of calibrations.
BUDGET_ANCHOR, CALIBRATION_ANCHOR = "budgets", "calibration"


@dataclass(frozen=True)
class Subsection:
    """The content of one heading: figures, a note, a table."""

    title: str
    figures: tuple[CaptionedFigure, ...] = ()
    note: str = ""
    table: Table | None = None


@dataclass(frozen=True)
class Section:
    """One group of runs, one budget curve, or one calibration.

    Attributes:
        anchor: id of the section, and prefix of the names of its figures.
        title: what the runs have in common.
        subtitle: whether their figures give a verdict.
        paragraph: the outcome in sentences.
        notes: what a reader must know about the records.
        tables: tables before the figures.
        subsections: figures under headings.
        final_tables: tables after the figures.
        facts: dataset, environment, code and cost, as (name, text) pairs.
    """

    anchor: str
    title: str
    subtitle: str
    paragraph: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    subsections: tuple[Subsection, ...]
    final_tables: tuple[Table, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def sections(study: Study) -> list[Section]:
    """Return a section for each group, the primary one first, each budget curve and calibration."""
    rules = study.verdict.rules
    with style.applied():
        groups = [
            _group_section(f"group-{number}", group_verdict, rules)
            for number, group_verdict in enumerate(study.group_verdicts, start=1)
        ]
        budgets = [
            _budget_section(f"{BUDGET_ANCHOR}-{number}", curve, study)
            for number, curve in enumerate(study.verdict.curves, start=1)
        ]
        calibrations = [
            _calibration_section(
                f"{CALIBRATION_ANCHOR}-{number}", path.relative_to(study.results), result, rules
            )
            for number, (path, result) in enumerate(study.calibrations.items(), start=1)
        ]
    return [*groups, *budgets, *calibrations]


def variant_runs_of(group_verdict: GroupVerdict) -> list[VariantRuns]:
    """Return the runs of each variant of a group, in the order of its tables."""
    records, rules = group_verdict.group.records, group_verdict.claim_runs.rules
    return [VariantRuns.of(name, records, rules) for name in in_order({r.variant for r in records})]


def _group_section(anchor: str, group_verdict: GroupVerdict, rules: Decision) -> Section:
    variant_runs = variant_runs_of(group_verdict)
    claims = (report_tables.claims_table(group_verdict),) if group_verdict.claims else ()
    return Section(
        anchor=anchor,
        title=group_verdict.title,
        subtitle=group_verdict.eligibility.reason,
        paragraph=paragraph(group_verdict, rules),
        notes=group_verdict.notes,
        tables=(report_tables.ablation_table(group_verdict, rules),),
        subsections=tuple(_subsections(group_verdict, variant_runs, rules)),
        final_tables=(*claims, provenance.repeat_table(group_verdict.group, variant_runs)),
        facts=tuple(provenance.facts(group_verdict.group)),
    )


def _subsections(
    group_verdict: GroupVerdict, variant_runs: Sequence[VariantRuns], rules: Decision
) -> list[Subsection]:
    claim_runs = next(
        (runs for runs in variant_runs if runs.name == rules.accuracy.variant and runs.n_finished),
        None,
    )
    # If the claim's variant has no finished run, classes are shown for the first that has one.
    example_runs = claim_runs or next((runs for runs in variant_runs if runs.n_finished), None)
    forest = by_variant.forest(group_verdict, rules)
    no_forest = (
        f"No difference has an interval yet: that takes {rules.looks.seeds[0]} seeds of both."
    )
    figures = (forest, by_variant.by_seed(group_verdict, variant_runs, rules))
    parts = [
        Subsection("Variants", tuple(p for p in figures if p), "" if forest else no_forest),
    ]
    if curves := by_epoch.training_curves(group_verdict, variant_runs):
        parts.append(Subsection("Training and test curves", tuple(curves), _SAME_SCALE))
    other_budget = group_verdict.eligibility.obstacle is Obstacle.OTHER_BUDGET
    if example_runs is not None and not other_budget:
        parts += [
            Subsection(
                "Confusion matrices",
                tuple(confusion.confusion_matrices(group_verdict, example_runs)),
            ),
            Subsection(
                "Recall of each class",
                (by_variant.recall(group_verdict, example_runs, rules),),
                table=report_tables.recall_table(group_verdict, example_runs),
            ),
        ]
    return parts


_SAME_SCALE = (
    "Blue: evaluation images. Green, dashed: training images, measured during training with "
    "augmentation and dropout. All variants have the same scales."
)


def _budget_section(anchor: str, curve: Sequence[GroupVerdict], study: Study) -> Section:
    rules = study.verdict.rules
    table = budget.columns(curve, rules)
    sentence, figure = budget.sentence(curve, rules), by_epoch.by_budget(curve, rules)
    return Section(
        anchor=anchor,
        title=f"Budget curve: {curve[0].group.title_without_epochs}",
        subtitle="the same data and protocol at several budgets",
        paragraph=sentence,
        notes=(budget.legend(curve, rules),),
        tables=(
            report_tables.table_of_columns(
                "Accuracy, and the difference of each variant, by budget", table
            ),
        ),
        subsections=(Subsection("Every variant", (figure,)),) if figure else (),
    )


def _sampling_error(calibration: Calibration) -> float:
    """Return the standard error of an accuracy near the target from sampling the images."""
    return math.sqrt(calibration.target * (1 - calibration.target) / calibration.dataset.test_size)


def _calibration_section(
    anchor: str, path: Path, calibration: Calibration, rules: Decision
) -> Section:
    chosen = f"{calibration.epochs} epochs" if calibration.epochs else "none of those tried"
    explanation = steps(calibration, rules)
    n_images, target = f"{calibration.dataset.test_size:,}", f"{100 * calibration.target:g} %"
    return Section(
        anchor=anchor,
        title=f"How the number of epochs was chosen: {calibration.dataset.title}",
        subtitle="on the validation split; the test images had no part in it",
        paragraph="The smallest candidate whose mean accuracy on the validation split "
        f"({n_images} of the training images) reaches {target}; three seeds each or more, one "
        f"where that missed it by over two points. Chosen: {chosen}. {explanation}".strip(),
        notes=(
            f"The record: {path}",
            "The standard error is over seeds. Another "
            f"{n_images} images would have shifted all of a row's runs together, by about "
            f"{formatting.percent(_sampling_error(calibration), 1)} points.",
        ),
        tables=(
            report_tables.table_of_columns(
                "The candidates", report_tables.candidate_columns(calibration)
            ),
        ),
        subsections=(Subsection("Accuracy by candidate", (by_epoch.by_candidate(calibration),)),),
    )
