"""Sections of the pages: text and tables of each group of runs, budget curve and calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import formatting
from harness.analysis.calibration import FUTILITY_SDS, Calibration
from harness.analysis.groups import RunGroup, VariantRuns, why_separate
from harness.analysis.studies.cross_validation import CrossValidation
from harness.analysis.studies.search import Search, is_in_study
from harness.protocol import datasets
from harness.protocol.decision import Decision
from harness.report import provenance
from harness.report.answer import sentence
from harness.report.section import Kind, Section, anchored
from harness.report.tables import comparison, judged
from harness.report.tables import independent as tables_independent
from harness.report.tables import readings as tables_readings
from harness.report.tables import studies as study_tables
from harness.report.text import independent as text_independent
from harness.report.text import readings as text_readings
from harness.report.text import sentences
from harness.report.text import studies as study_text
from harness.report.text.contributions import contributions
from harness.report.text.headline import label
from harness.runs.record import DatasetInfo
from harness.verdict.eligibility import Obstacle
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict

# Reasons that a note names; one more is named rather than counted.
_REASONS = 3


def sections(study: Study) -> list[Section]:
    """Return a section for each group, the primary one first, each budget curve, the readings and
    the independent runs if there are any, each calibration, search and cross-validation."""
    rules = study.verdict.rules
    return [
        *(
            _group_section(anchor, group_verdict, study)
            for anchor, group_verdict in anchored(Kind.GROUP, study.group_verdicts)
        ),
        *(
            _budget_section(anchor, curve)
            for anchor, curve in anchored(Kind.BUDGETS, study.verdict.curves)
        ),
        *_readings_section(study),
        *_independent_section(study),
        *(
            _calibration_section(anchor, path.relative_to(study.results), result, rules)
            for anchor, (path, result) in anchored(Kind.CALIBRATION, study.calibrations.items())
        ),
        *(
            _search_section(anchor, search)
            for anchor, search in anchored(Kind.SEARCH, study.searches)
        ),
        *(
            _folds_section(anchor, validation, rules)
            for anchor, validation in anchored(Kind.FOLDS, study.cross_validations)
        ),
    ]


def example_runs(group_verdict: GroupVerdict) -> VariantRuns | None:
    """Return the runs that confusions and recall of classes are shown for, None if there are none.

    Those of the claim's variant, or of the first that has a finished run; none for a budget that
    gives no verdict, which is run for the budget curve alone.
    """
    if group_verdict.eligibility.obstacle is Obstacle.OTHER_BUDGET:
        return None
    candidates = [group_verdict.claim_runs, *group_verdict.runs.values()]
    return next((runs for runs in candidates if runs.n_finished), None)


def _group_section(anchor: str, group_verdict: GroupVerdict, study: Study) -> Section:
    group, rules = group_verdict.group, study.verdict.rules
    of_studies = any(is_in_study(record) for record in group.records)  # `run` cannot repeat them
    tables = [comparison.comparison_table(group_verdict, rules)]
    if group_verdict.claims:
        tables.append(judged.claims_table(group_verdict))
    if examples := example_runs(group_verdict):
        tables.append(judged.recall_table(group_verdict, examples))
    if group_verdict.claims and group_verdict.claim_runs.n_finished:
        tables.append(judged.precision_and_f1_table(group_verdict.claim_runs))
    return Section(
        kind=Kind.GROUP,
        anchor=anchor,
        title=group_verdict.title,
        subtitle=group_verdict.eligibility.reason,
        sentences=tuple(_sentences(group_verdict, study)),
        notes=tuple(notes(group_verdict, study.primary.group)),
        tables=tuple(tables),
        repeat=None if of_studies else provenance.repeat_table(group, group_verdict.runs.values()),
        facts=tuple(provenance.facts(group)),
    )


def _sentences(group_verdict: GroupVerdict, study: Study) -> Iterator[str]:
    rules = study.verdict.rules
    if group_verdict is not study.primary:  # the page opens with the primary group's answer
        yield f"{label(group_verdict)}. {sentence(study, group_verdict)}"
        yield from (f"{contribution.sentence}." for contribution in contributions(group_verdict))
    yield sentences.recall(group_verdict.classes, rules)
    if group_verdict.confusions:
        yield sentences.confusion(group_verdict.confusions, rules)
    yield sentences.last_epochs(group_verdict.group, rules)


def notes(group_verdict: GroupVerdict, first: RunGroup) -> Iterator[str]:
    """Yield what a reader must know about a group: which bytes, why it is apart, which records.

    Args:
        group_verdict: the group.
        first: the group that the page opens with.
    """
    data = group_verdict.group.dataset
    yield (
        f"Trained on {data.train_size:,} images, evaluated on {data.test_size:,} "
        f"({data.split}); {_origin(data)}; data fingerprint {data.fingerprint[:12]}."
    )
    if group_verdict.group is not first:
        reasons = why_separate(first, group_verdict.group)
        if len(reasons) > _REASONS + 1:
            reasons[_REASONS:] = [f"and {len(reasons) - _REASONS} more"]
        yield f"Kept apart from the first table: {'; '.join(reasons)}."
    yield from group_verdict.notes


def _origin(data: DatasetInfo) -> str:
    if data.official:
        return "the official archive"
    same_task = tuple(data.classes) == datasets.CLASSES
    return "NOT the official CIFAR-10 bytes" if same_task else "not CIFAR-10"


def _budget_section(anchor: str, curve: Sequence[GroupVerdict]) -> Section:
    return Section(
        kind=Kind.BUDGETS,
        anchor=anchor,
        title=f"Accuracy by number of epochs: {curve[0].group.title_without_epochs}",
        subtitle="the same data and protocol at several budgets",
        sentences=(),
        notes=(),
        tables=(judged.budget_table(curve),),
    )


def _readings_section(study: Study) -> Iterator[Section]:
    rules = study.verdict.rules
    if results := study.readings:
        yield Section(
            kind=Kind.READINGS,
            anchor=Kind.READINGS,
            title="Readings of the paper's unstated settings",
            subtitle="which fit it",
            sentences=(text_readings.sentence(results, rules),),
            notes=tuple(text_readings.notes(rules)),
            tables=(tables_readings.fits_table(results, rules), tables_readings.public_table()),
        )


def _independent_section(study: Study) -> Iterator[Section]:
    if runs := study.independent:
        yield Section(
            kind=Kind.INDEPENDENT,
            anchor=Kind.INDEPENDENT,
            title="Trained again by an independent program",
            subtitle="plain PyTorch, which shares no code with this suite",
            sentences=(text_independent.sentence(runs),),
            notes=tuple(text_independent.notes(runs)),
            tables=(tables_independent.runs_table(runs),),
        )


def _calibration_section(
    anchor: str, path: Path, calibration: Calibration, rules: Decision
) -> Section:
    chosen = f"{calibration.epochs} epochs" if calibration.epochs else "none of those tried"
    n_images, target = calibration.dataset.test_size, calibration.target
    hopeless = 100 * FUTILITY_SDS * rules.description.expected_sd
    # Of an accuracy near the target, from sampling the images.
    sampling_error = math.sqrt(target * (1 - target) / n_images)
    return Section(
        kind=Kind.CALIBRATION,
        anchor=anchor,
        title=f"How the number of epochs was chosen: {calibration.dataset.title}",
        subtitle="on the validation split; the test images had no part in it",
        sentences=(
            "The smallest candidate whose mean accuracy on the validation split "
            f"({n_images:,} of the training images) reaches {100 * target:g} %; "
            f"{rules.budgets.calibration_seeds} seeds each, one where that missed it by over "
            f"{hopeless:.1f} points. Chosen: {chosen}.",
            sentences.steps(calibration, rules),
        ),
        notes=(
            f"The record: {path}",
            f"The standard error is over seeds. Another {n_images:,} images would have shifted all "
            f"of a row's runs together, by about {formatting.percent(sampling_error, 1)} points.",
        ),
        tables=(judged.candidates_table(calibration.candidates),),
    )


# Of searches and cross-validations.
_SUBTITLE = "on held-out training images; the test images had no part in it"


def _search_section(anchor: str, search: Search) -> Section:
    return Section(
        kind=Kind.SEARCH,
        anchor=anchor,
        title=f"Search over settings: {search.dataset.title}, "
        f"{formatting.pluralize(search.epochs, 'epoch')}",
        subtitle=_SUBTITLE,
        sentences=(study_text.best_trial(search),),
        notes=(f"The search {search.name}: {study_text.plan(search.settings)}.",),
        tables=(study_tables.trials_table(search),),
    )


def _folds_section(anchor: str, validation: CrossValidation, rules: Decision) -> Section:
    return Section(
        kind=Kind.FOLDS,
        anchor=anchor,
        title=f"Cross-validation of {validation.variant}: {validation.dataset.title}, "
        f"{formatting.pluralize(validation.epochs, 'epoch')}",
        subtitle=_SUBTITLE,
        sentences=(study_text.mean_of_folds(validation, rules.description.level),),
        notes=(f"Training seed {validation.seed}; stratified folds, always the same.",),
        tables=(study_tables.folds_table(validation),),
    )
