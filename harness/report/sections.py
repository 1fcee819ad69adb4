"""What the report says of each group of runs: tables, sentences, figures."""

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

# How the anchors of budget curves, and of calibrations, begin.
BUDGETS, CALIBRATION = "budgets", "calibration"


@dataclass(frozen=True)
class Subsection:
    """What stands under one heading: figures, a table in figures, or a sentence why neither."""

    title: str
    pictures: tuple[CaptionedFigure, ...] = ()
    note: str = ""
    table: Table | None = None


@dataclass(frozen=True)
class Section:
    """One group of runs, one budget curve, or one calibration.

    Attributes:
        anchor: begins the names of its figures and links to it.
        title: what the runs share; `standing` what their figures are worth.
        paragraph: the judgement in sentences; `notes` what must be known of the records.
        tables: before the figures; `parts` figures; `after` tables behind them.
        facts: data, environment, code and cost, by name.
    """

    anchor: str
    title: str
    standing: str
    paragraph: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    parts: tuple[Subsection, ...]
    after: tuple[Table, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def sections(found: Study) -> list[Section]:
    """A section for each group, the leading one first, each budget curve and each calibration."""
    rules = found.verdict.rules
    with style.applied():
        groups = [
            _of_group(f"group-{number}", judgement, rules)
            for number, judgement in enumerate(found.group_verdicts, start=1)
        ]
        budgets = [
            _of_budgets(f"{BUDGETS}-{number}", curve, found)
            for number, curve in enumerate(found.verdict.curves, start=1)
        ]
        calibrations = [
            _of_calibration(f"{CALIBRATION}-{number}", path.relative_to(found.results), one, rules)
            for number, (path, one) in enumerate(found.calibrations.items(), start=1)
        ]
    return [*groups, *budgets, *calibrations]


def arms_of(judgement: GroupVerdict) -> list[VariantRuns]:
    """The variants of a group in the order of its tables: as registered, then by name."""
    records, rules = judgement.group.records, judgement.claim_runs.rules
    return [VariantRuns.of(name, records, rules) for name in in_order({r.variant for r in records})]


def _of_group(anchor: str, judgement: GroupVerdict, rules: Decision) -> Section:
    arms = arms_of(judgement)
    claimed = (report_tables.claims_of(judgement),) if judgement.claims else ()
    return Section(
        anchor=anchor,
        title=judgement.title,
        standing=judgement.eligibility.reason,
        paragraph=paragraph(judgement, rules),
        notes=judgement.notes,
        tables=(report_tables.ablations(judgement, rules),),
        parts=tuple(_parts(judgement, arms, rules)),
        after=(*claimed, provenance.repeats(judgement.group, arms)),
        facts=tuple(provenance.facts(judgement.group)),
    )


def _parts(
    judgement: GroupVerdict, arms: Sequence[VariantRuns], rules: Decision
) -> list[Subsection]:
    own = next((arm for arm in arms if arm.name == rules.accuracy.variant and arm.n_finished), None)
    # Where the variant of the claim has no run, the first that has one stands for the classes.
    shown = own or next((arm for arm in arms if arm.n_finished), None)
    forest = by_variant.forest(judgement, rules)
    few = f"No difference has an interval yet: that takes {rules.looks.seeds[0]} seeds of both."
    dotted = (forest, by_variant.by_seed(judgement, arms, rules))
    parts = [
        Subsection("Variants", tuple(p for p in dotted if p), "" if forest else few),
    ]
    if drawn := by_epoch.of_variants(judgement, arms):
        parts.append(Subsection("Training and test curves", tuple(drawn), _SAME_SCALE))
    elsewhere = judgement.eligibility.obstacle is Obstacle.OTHER_BUDGET
    if shown is not None and not elsewhere:
        parts += [
            Subsection("Confusion matrices", tuple(confusion.of_arm(judgement, shown))),
            Subsection(
                "Recall of each class",
                (by_variant.recall(judgement, shown, rules),),
                table=report_tables.recall(judgement, shown),
            ),
        ]
    return parts


_SAME_SCALE = (
    "Blue: the images judged on. Green, dashed: training, as it went along with augmentation and "
    "dropout. All variants have the same scales."
)


def _of_budgets(anchor: str, curve: Sequence[GroupVerdict], found: Study) -> Section:
    rules = found.verdict.rules
    table = budget.columns(curve, rules)
    told, drawn = budget.sentence(curve, rules), by_epoch.by_budget(curve, rules)
    return Section(
        anchor=anchor,
        title=f"Budget curve: {curve[0].group.title_without_epochs}",
        standing="the same data and protocol at several budgets",
        paragraph=told,
        notes=(budget.legend(curve, rules),),
        tables=(
            report_tables.of_columns(
                "Accuracy, and the difference of each variant, by budget", table
            ),
        ),
        parts=(Subsection("Every variant", (drawn,)),) if drawn else (),
    )


def _of_images(found: Calibration) -> float:
    """Standard error of an accuracy near the target from the choice of the images judged on."""
    return math.sqrt(found.target * (1 - found.target) / found.dataset.test_size)


def _of_calibration(anchor: str, path: Path, found: Calibration, rules: Decision) -> Section:
    chosen = f"{found.epochs} epochs" if found.epochs else "none of those tried"
    judged, target = f"{found.dataset.test_size:,}", f"{100 * found.target:g} %"
    return Section(
        anchor=anchor,
        title=f"How the number of epochs was chosen: {found.dataset.title}",
        standing="on the validation split; the test images had no part in it",
        paragraph="The smallest candidate whose mean accuracy on the validation split "
        f"({judged} of the training images) reaches {target}; three seeds each or more, one "
        f"where that missed it by over two points. Chosen: {chosen}. {steps(found, rules)}".strip(),
        notes=(
            f"The record: {path}",
            "The standard error is over seeds. Another "
            f"{judged} images would have shifted all of a row's runs together, by about "
            f"{formatting.percent(_of_images(found), 1)} points.",
        ),
        tables=(report_tables.of_columns("The candidates", report_tables.columns(found)),),
        parts=(Subsection("Accuracy by candidate", (by_epoch.by_candidate(found),)),),
    )
