"""What stands above and below a comparison table, in words. Pure."""

from __future__ import annotations

import pandas as pd

from harness.analysis.comparison import family
from harness.analysis.contrasts import Arm
from harness.analysis.groups import Group, apart, environments
from harness.formatting import count, percent
from harness.paper import reported
from harness.protocol import datasets, decision
from harness.protocol.decision import Decision
from harness.runs.record import DatasetInfo
from harness.verdict import eligibility

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


def notes(group: Group, first: Group) -> list[str]:
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
        reasons = apart(first, group)
        if len(reasons) > _REASONS + 1:
            reasons[_REASONS:] = [f"and {len(reasons) - _REASONS} more"]
        found.append(f"Kept apart from the first table: {'; '.join(reasons)}.")
    return found


def _origin(data: DatasetInfo) -> str:
    if data.official:
        return "the official archive"
    same_task = tuple(data.classes) == datasets.CLASSES
    return "NOT the official CIFAR-10 bytes" if same_task else "not CIFAR-10"


def legend(group: Group, frame: pd.DataFrame, baseline: str, full: bool) -> list[str]:
    """What the columns mean, and what the reader must not overlook.

    Args:
        group: of the table.
        frame: see `harness.analysis.comparison.table`.
        baseline: the variant that differences are taken from.
        full: whether every column is shown.
    """
    rules = decision.load()
    lines = []
    if frame["accuracy_low"].notna().any():
        lines.append(f"±: half of a {100 * rules.tests.level:g} % interval (Student, Welch).")
    if frame["p_holm"].notna().any():
        lines.append(
            f"p: Welch's t against {baseline}, {_corrected(frame, baseline, rules)}. P(>): chance "
            f"that a random run beats one of {baseline}. Differences of "
            f"{_detectable(frame)} points would be found with "
            f"{100 * rules.tests.power:g} % power."
        )
        if why := _undecided(group, frame, baseline, rules):
            lines.append(f"These p decide nothing: {why}.")
    if full and (terms := _terms(group, frame, baseline)):
        lines.append(" ".join(terms))
    ours = ~frame["variant"].isin([run.name for run in reported.REPORTED_RUNS])
    if (ours & (frame["n"] < rules.seeds.least)).any():
        lines.append(
            f"Fewer than {rules.seeds.least} seeds: the runs themselves, no interval, no test."
        )
    if beyond := eligibility.planned(group, rules)[1]:
        lines.append(
            f"{count(beyond, 'run')} with seeds beyond the planned ones: counted here, left out "
            "by verdict and report."
        )
    if (frame["failed"] > 0).any():
        lines.append("Failed runs are counted, enter no mean, and lose every comparison in P(>).")
    if len(places := environments(group.records)) > 1:
        lines.append(f"Rows come from more than one environment: {'; '.join(places)}.")
    return lines


def _terms(group: Group, frame: pd.DataFrame, baseline: str) -> list[str]:
    """The columns that only a full table has, where something stands in them."""
    split = group.dataset.split
    meaning = {
        "p": "p raw: before Holm.",
        "detectable": "detects: smallest difference that would be found, points.",
        "correlation": f"r: correlation with {baseline} over the seeds of both (they share their "
        "batches).",
        "accuracy_sd": "SD: standard deviation over seeds, points.",
        "accuracy_optimistic": f"optimistic: the best epoch by the {split} images themselves; "
        "decides nothing.",
        "auc": "AUC: each class against the rest, mean over the classes.",
    }
    return [text for column, text in meaning.items() if frame[column].notna().any()]


def _corrected(frame: pd.DataFrame, baseline: str, rules: Decision) -> str:
    """How many tests Holm's correction counts."""
    planned = family(baseline, rules)
    tested = frame["variant"][frame["p_holm"].notna()]
    if not planned:
        here = count(len(tested), "contrast")
        return f"after Holm over the {here} here (the decision file plans none against {baseline})"
    text = f"after Holm over the decision file's {len(planned)} contrasts, run or not"
    if unplanned := int((~tested.isin(planned)).sum()):
        text += f" ({unplanned} outside it: a family of their own)"
    return text


def _undecided(group: Group, frame: pd.DataFrame, baseline: str, rules: Decision) -> str:
    """Why the tests shown settle nothing; empty where they may."""
    counted = eligibility.planned(group, rules)[0]
    if not eligibility.standing(counted, rules).planned:
        return "no test is planned for such runs"
    names = [baseline, *frame["variant"][frame["p_holm"].notna()]]
    found = [Arm.of(name, counted.records).unsettled(rules) for name in names]
    return "; ".join(why for why in found if why)


def _detectable(frame: pd.DataFrame) -> str:
    low, high = (percent(v) for v in (frame["detectable"].min(), frame["detectable"].max()))
    return low if low == high else f"{low} to {high}"
