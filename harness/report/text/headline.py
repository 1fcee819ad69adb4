"""The answer to the question of the suite, for each state of the evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness import formatting
from harness.analysis.calibration import Calibration
from harness.analysis.contrasts import VariantResult
from harness.analysis.sequential import Outcome
from harness.formatting import enumerate_words, percent, pluralize
from harness.paper import reported
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.outlook import open_questions
from harness.verdict.verdict import GroupVerdict

NO_RUNS = "Not answered yet: no runs on the official test images have been recorded."

NO_VERDICT = "NO VERDICT"

NOT_JUDGED = "NOT JUDGED"

# REPRODUCED does not say that 75 % is reached: our mean may lie a point below.
_OUTCOMES = {
    Outcome.REPRODUCED: (
        "AlexNet trained as we read the paper reaches the paper's accuracy on CIFAR-10: "
        "{accuracy}, within {margin} of {reported}"
    ),
    Outcome.EXCEEDED: (
        "AlexNet trained as we read the paper does not reproduce the paper's 75 % on CIFAR-10 "
        "within {margin}, but exceeds it: {accuracy}, against {reported}"
    ),
    Outcome.NOT_REACHED: (
        "AlexNet trained as we read the paper does not reproduce the paper's 75 % on CIFAR-10 "
        "within {margin}, but stays below it: {accuracy}, against {reported}"
    ),
    Outcome.UNDECIDED: (
        "Whether AlexNet trained as we read the paper reaches the same accuracy on CIFAR-10 is "
        "not settled: it gets {accuracy}, and the runs do not tell whether their true mean is "
        "within {margin} of {reported}"
    ),
}


def label(group_verdict: GroupVerdict) -> str:
    """The outcome in capitals; NOT_JUDGED before the first look, NO_VERDICT if none is given."""
    accuracy = group_verdict.accuracy
    if accuracy is None or accuracy.outcome is None:
        return NO_VERDICT
    return accuracy.outcome.value if accuracy.look else NOT_JUDGED


def headline(
    group_verdict: GroupVerdict,
    other_budgets: Mapping[int, VariantResult],
    tuning: Calibration | None,
) -> str:
    """Return the answer of a group in one to three sentences.

    Args:
        group_verdict: the group.
        other_budgets: result of the claim's variant at other numbers of epochs.
        tuning: the calibration that chose the number of epochs; None if it is not known.
    """
    accuracy, rules = group_verdict.accuracy, group_verdict.rules
    theirs = f"{percent(reported.mean_accuracy())} %"
    if accuracy is None:
        images = group_verdict.group.title
        return f"These runs say nothing about the paper's accuracy: they are on {images}."
    if not accuracy.n:
        run = f"run of {rules.accuracy.variant} with {pluralize(group_verdict.epochs, 'epoch')}"
        seeds = f"seed 0 to {rules.planned_seeds[-1]}"
        return f"Not answered yet: no {run} and {seeds} has finished."
    if accuracy.outcome is None:
        return (
            f"AlexNet trained as we read the paper gets {_accuracy(group_verdict, accuracy)} in "
            f"these runs, which give no verdict on the paper's {theirs}: "
            f"{group_verdict.eligibility.detail}."
        )
    text = _OUTCOMES[accuracy.outcome]
    if not accuracy.look:
        text = (
            "AlexNet trained as we read the paper gets {accuracy} so far, against {reported}; "
            f"{blocked_look(group_verdict) or _takes(group_verdict)}"
        )
    sentence = text.format(
        accuracy=_accuracy(group_verdict, accuracy),
        margin=f"{100 * rules.accuracy.margin:g} point",
        reported=f"{theirs}, the mean of the paper's two runs",
    )
    return " ".join([f"{sentence}.", *_on_epochs(group_verdict, other_budgets, tuning)])


def _takes(group_verdict: GroupVerdict) -> str:
    """Say which runs a verdict takes."""
    look = next((q.look for q in open_questions(group_verdict) if q.accuracy), 0)
    if not look:
        return "too many runs failed for a verdict"
    return f"a verdict takes seeds 0 to {group_verdict.rules.looks.seeds_of(look) - 1}"


def _on_epochs(
    group_verdict: GroupVerdict,
    other_budgets: Mapping[int, VariantResult],
    tuning: Calibration | None,
) -> Iterator[str]:
    """Yield what the number of epochs does, and why it is this one."""
    if other_budgets:
        yield (
            "The paper does not state its number of epochs, and our accuracy depends on it: "
            f"{_at_budgets(other_budgets)}."
        )
    if group_verdict.is_tuned:
        text = (
            f"We chose {group_verdict.epochs}, the fewest on our list that reach "
            f"{100 * group_verdict.rules.budgets.target:g} % on held-out training images"
        )
        expected = False
        if tuning and tuning.chosen:
            text += f" ({percent(tuning.chosen.mean)} % there)"
            ahead = tuning.chosen.mean - reported.mean_accuracy()
            expected = ahead > group_verdict.rules.accuracy.margin
        if group_verdict.exceeds_as_tuned:
            text += "; so an excess was to be expected, and" if expected else "; an excess"
            text += f" {'it ' if expected else ''}does not show that the paper's figure is wrong"
        yield f"{text}."


def _accuracy(group_verdict: GroupVerdict, accuracy: AccuracyResult) -> str:
    """The mean, or the runs before the first look, with the number of epochs."""
    epochs = pluralize(group_verdict.epochs, "epoch")
    if accuracy.look or accuracy.n > 4:
        counted, of = group_verdict.claim_runs, pluralize(accuracy.n, "run")
        if counted.look > accuracy.look:
            of = (
                f"the {of} that settled it; {percent(counted.mean)} % over the "
                f"{counted.n_finished} of look {counted.look}"
            )
        return f"{percent(accuracy.mean)} % after {epochs} (mean of {of})"
    return f"{enumerate_words(map(percent, accuracy.runs))} % after {epochs}"


def blocked_look(group_verdict: GroupVerdict) -> str:
    """Why the latest complete look settles nothing; empty if that is not so."""
    runs, seeds = group_verdict.claim_runs.accuracy_runs, group_verdict.rules.looks.seeds
    blocked = [number for number, is_blocked in enumerate(runs.blocked) if is_blocked]
    if not blocked:
        return ""
    failed = pluralize(int(runs.failed[blocked[-1]]), "run")
    return f"the first {seeds[blocked[-1]]} seeds settle nothing, as {failed} failed"


def _at_budgets(results: Mapping[int, VariantResult]) -> str:
    return enumerate_words(
        f"{percent(result.mean)} % after {epochs} ({pluralize(result.n, 'run')})"
        for epochs, result in results.items()
    )


def interval(accuracy: AccuracyResult) -> str:
    """The interval of the difference from the paper, with its level."""
    return f"{100 * accuracy.level:g} % interval {formatting.interval(accuracy.low, accuracy.high)}"
