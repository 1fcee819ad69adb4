"""What stands above and below a comparison table, in words. Pure."""

from __future__ import annotations

import pandas as pd

from harness.analysis.groups import RunGroup, why_separate
from harness.formatting import percent
from harness.paper import reported
from harness.protocol import datasets, decision
from harness.runs.record import DatasetInfo
from harness.verdict.verdict import GroupVerdict

# Reasons that a note names; one more is named rather than counted.
_REASONS = 3


def title(baseline: str) -> str:
    """Heading of a text with all columns, and the command that prints it."""
    option = f" --baseline {baseline}" * (baseline != "paper")
    return (
        "# Every column of every comparison\n\n"
        f"What `python -m harness compare --full{option}` prints of the stored records: tables for "
        "each data and protocol. A column in which nothing would stand is left out."
    )


def notes(group: RunGroup, first: RunGroup) -> list[str]:
    """What a reader must know about a table: which bytes, and why it stands alone.

    Args:
        group: of the table.
        first: of the first table of the text.
    """
    data = group.dataset
    found = [
        f"Trained on {data.train_size:,} images, evaluated on {data.test_size:,} "
        f"({data.split}); {_origin(data)}; data fingerprint {data.fingerprint[:12]}. "
        "Means over n seeds; F1 is macro F1; the figure of a run is its last epoch's."
    ]
    if group is not first:
        reasons = why_separate(first, group)
        if len(reasons) > _REASONS + 1:
            reasons[_REASONS:] = [f"and {len(reasons) - _REASONS} more"]
        found.append(f"Kept apart from the first table: {'; '.join(reasons)}.")
    return found


def _origin(data: DatasetInfo) -> str:
    if data.official:
        return "the official archive"
    same_task = tuple(data.classes) == datasets.CLASSES
    return "NOT the official CIFAR-10 bytes" if same_task else "not CIFAR-10"


def legend(judgement: GroupVerdict, frame: pd.DataFrame, baseline: str, full: bool) -> list[str]:
    """What the columns mean, and what the reader must not overlook.

    Args:
        judgement: of the group of the table.
        frame: see `harness.analysis.comparison.table`.
        baseline: the variant that differences are taken from.
        full: whether every column is shown.
    """
    rules, group = decision.load(), judgement.group
    ours = frame[~frame["variant"].isin([run.name for run in reported.REPORTED_RUNS])]
    level = f"{100 * rules.description.level:g} %"
    lines = []
    if (ours["look"] > 0).any():
        ends = " or ".join(f"0-{seeds - 1}" for seeds in rules.looks.seeds)
        lines.append(
            f"Figures are over the seeds of a variant's latest complete look ({ends}); vs "
            f"{baseline}: over those of the latest look that both have."
        )
        lines.append(f"±: half of a {level} interval (Student); {_of_contrasts(frame, level)}")
    if (frame["difference_look"] > 0).any():
        lines.append(
            f"P(>): chance that a random run beats one of {baseline}. Differences of "
            f"{_detectable(frame)} points would be found with "
            f"{100 * rules.description.power:g} % power."
        )
    if full and (terms := _terms(group, frame, baseline)):
        lines.append(" ".join(terms))
    if (ours["look"] == 0).any():
        lines.append(
            f"Before a look is complete (from {rules.looks.seeds[0]} seeds on): the runs "
            "themselves or their range, no interval, no test."
        )
    return [*lines, *judgement.notes]


def _of_contrasts(frame: pd.DataFrame, level: str) -> str:
    """What stands behind the intervals of differences."""
    tested = frame["effect"].notna()
    if not tested.any():
        return f"of differences {level} (Welch), exploratory."
    text = (
        f"of planned contrasts at the level that decides (Welch). p: sequential over the looks so "
        f"far, after Holm over the {len(decision.load().contrasts.variants)} planned contrasts, "
        "run or not; below "
        f"{decision.load().contrasts.alpha:g} the variant helps or hurts."
    )
    if (frame["difference_low"].notna() & ~tested).any():
        text += f" All others are exploratory: {level} intervals, no test."
    return text


def _terms(group: RunGroup, frame: pd.DataFrame, baseline: str) -> list[str]:
    """The columns that only a full table has, where something stands in them."""
    split = group.dataset.split
    meaning = {
        "p": "p raw: Welch's t at the look.",
        "q": "q: the smallest p / weight of the looks so far.",
        "detectable": "detects: smallest difference that would be found, points.",
        "correlation": f"r: correlation with {baseline} over the seeds of both (they share their "
        "batches).",
        "accuracy_sd": "SD: standard deviation over seeds, points.",
        "accuracy_optimistic": f"optimistic: the best epoch by the {split} images themselves; "
        "decides nothing.",
        "auc": "AUC: each class against the rest, mean over the classes.",
    }
    at_a_look = frame[~frame["q"].notna() | (frame["difference_look"] > 0)]
    return [text for column, text in meaning.items() if at_a_look[column].notna().any()]


def _detectable(frame: pd.DataFrame) -> str:
    low, high = (percent(v) for v in (frame["detectable"].min(), frame["detectable"].max()))
    return low if low == high else f"{low} to {high}"
