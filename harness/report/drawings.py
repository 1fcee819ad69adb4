"""The figures of the pages: those beside the answer, and those of each section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.report.figures import by_epoch, by_setting, by_variant, confusion, style
from harness.report.figures import readings as figures_readings
from harness.report.figures.figure import CaptionedFigure
from harness.report.section import Kind, anchored
from harness.report.sections import example_runs
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class Subsection:
    """The figures below one heading, with a note."""

    title: str
    figures: tuple[CaptionedFigure, ...]
    note: str = ""


@dataclass(frozen=True)
class Drawings:
    """All figures of a study.

    Attributes:
        answer: beside the answer.
        by_anchor: those of each section, see `harness.report.section.Section.anchor`.
    """

    answer: tuple[CaptionedFigure, ...]
    by_anchor: dict[str, tuple[Subsection, ...]]

    def files(self) -> dict[str, CaptionedFigure]:
        """Figures by the name of their file, without its ending."""
        named = {f"answer-{figure.name}": figure for figure in self.answer}
        for anchor, subsections in self.by_anchor.items():
            for figure in (f for part in subsections for f in part.figures):
                named[f"{anchor}-{figure.name}"] = figure
        return named


def draw(study: Study) -> Drawings:
    """Draw every figure of a study."""
    rules, by_anchor = study.verdict.rules, {}
    comparable = (g for g in study.group_verdicts if g.group.comparable_to_paper)
    beside_paper = next(filter(example_runs, comparable), None)
    with style.applied():
        answer = list(_variant_figures(study.primary))
        for anchor, group_verdict in anchored(Kind.GROUP, study.group_verdicts):
            with_reported = group_verdict is beside_paper  # once: they are the same in every group
            by_anchor[anchor] = tuple(_subsections(group_verdict, study, with_reported))
        for anchor, curve in anchored(Kind.BUDGETS, study.verdict.curves):
            figure = by_epoch.by_budget(curve)
            if figure and study.primary in curve:  # beside the answer, not in its own section
                answer.append(figure)
            elif figure:
                by_anchor[anchor] = (Subsection("By number of epochs", (figure,)),)
        if results := study.readings:
            figure = figures_readings.by_epochs(results, rules)
            by_anchor[Kind.READINGS] = (Subsection("Accuracy by number of epochs", (figure,)),)
        for anchor, calibration in anchored(Kind.CALIBRATION, study.calibrations.values()):
            by_anchor[anchor] = (
                Subsection("Accuracy by candidate", (by_epoch.by_candidate(calibration),)),
            )
        for anchor, search in anchored(Kind.SEARCH, study.searches):
            if figure := by_setting.by_setting(search):
                by_anchor[anchor] = (Subsection("Accuracy by setting", (figure,)),)
    return Drawings(tuple(answer), by_anchor)


def _variant_figures(group_verdict: GroupVerdict) -> tuple[CaptionedFigure, ...]:
    forest = by_variant.forest(group_verdict)
    by_seed = by_variant.by_seed(group_verdict)
    return tuple(figure for figure in (forest, by_seed) if figure is not None)


_SAME_SCALE = (
    "Blue: evaluation images. Green, dashed: training images, measured during training with "
    "augmentation and dropout. All variants have the same scales."
)


def _subsections(
    group_verdict: GroupVerdict, study: Study, with_reported: bool
) -> Iterator[Subsection]:
    # Those of the primary group are beside the answer.
    if group_verdict is not study.primary and (figures := _variant_figures(group_verdict)):
        yield Subsection("Variants", figures)
    examples = example_runs(group_verdict)
    if examples is None:
        return
    if curves := by_epoch.training_curves(group_verdict, list(group_verdict.runs.values())):
        yield Subsection("Training and test curves", tuple(curves), _SAME_SCALE)
    matrices = confusion.confusion_matrices(group_verdict, examples, with_reported=with_reported)
    recall = by_variant.recall(group_verdict, examples)
    yield Subsection("Confusions and recall", (*matrices, recall))
