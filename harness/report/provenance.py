"""Provenance and cost of a group of runs, and the commands that repeat them. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from harness import formatting
from harness.analysis.groups import RunGroup, VariantRuns, environments
from harness.formatting import pluralize
from harness.protocol import decision
from harness.report.tables.table import Cell, Table
from harness.runs.record import RunRecord
from harness.runs.threads import THREADS

# Another folder than the records': there, `run` would skip every run as finished.
_REPEAT_FOLDER = "again"


def seed_ranges(seeds: Iterable[int]) -> str:
    """Format seeds as `run --seeds` accepts them: 0, 1, 2 and 5 are "0-2,5"."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def facts(group: RunGroup) -> list[tuple[str, str]]:
    """Return dataset, protocol, code, environment and cost of a group, as (name, text) pairs."""
    records, data, protocol = group.records, group.dataset, group.protocol
    sizes = sorted({r.parameters for r in records if r.parameters})
    official = "yes, checksums verified" if data.official else "NO"
    settings = [
        f"{name.replace('_', ' ')} {getattr(protocol, name)}"
        for name in ("batch_size", "learning_rate", "momentum", "weight_decay", "decay_at")
    ]
    training = [pluralize(protocol.epochs, "epoch"), f"precision {protocol.precision}", *settings]
    return [
        ("data", f"{data.title}; official archive: {official}"),
        ("data fingerprint (SHA-256)", data.fingerprint),
        ("images", f"{data.train_size:,} for training, {data.test_size:,} for evaluation"),
        ("training", f"{', '.join(training)}; where a variant changes one of these, that holds"),
        ("parameters", "; ".join(f"{n:,}" for n in sizes) or "not recorded"),
        ("environment", "; ".join(environments(records)) or "no runs"),
        ("code", _code_versions(records)),
        ("decision file (SHA-256)", _decision_files(records)),
        *_interrupted(records),
        ("cost", cost(records)),
    ]


def cost(records: Sequence[RunRecord]) -> str:
    """Return what the runs took, and what they would have taken on undisturbed machines."""
    total, undisturbed = (
        formatting.duration(sum(seconds))
        for seconds in (
            [r.train_seconds for r in records],
            [r.undisturbed_seconds for r in records],
        )
    )
    return (
        f"{pluralize(len(records), 'run')}, {total} of training in total ({undisturbed} if all "
        "epochs had been as fast as their run's fastest; other work slows a machine)"
    )


def _interrupted(records: Sequence[RunRecord]) -> list[tuple[str, str]]:
    cut = [
        f"{r.variant} seed {r.seed} (after epoch {', '.join(map(str, r.resumed_at))})"
        for r in records
        if r.resumed_at
    ]
    return [("interrupted and resumed", "; ".join(cut))] if cut else []


def _code_versions(records: Sequence[RunRecord]) -> str:
    counts = Counter(_code_version(record) for record in records)
    return "; ".join(f"{text} ({pluralize(n, 'run')})" for text, n in sorted(counts.items()))


def _code_version(record: RunRecord) -> str:
    commit, dirty = record.code.commit, record.code.dirty
    if commit is None:
        return "commit not recorded"
    return f"commit {commit[:12]} with changes" if dirty else f"commit {commit[:12]}"


def _decision_files(records: Sequence[RunRecord]) -> str:
    current = decision.sha256()
    counts = Counter(r.decision_sha256 for r in records)
    return "; ".join(
        f"{'the current one' if sha == current else 'another'}, {sha[:12]} ({pluralize(n, 'run')})"
        for sha, n in sorted(counts.items())
    )


def repeat_table(group: RunGroup, variant_runs: Iterable[VariantRuns]) -> Table:
    """Return the table of commands that train the runs of each variant again."""
    rows = []
    for runs in variant_runs:
        records = [r for r in group.records if r.variant == runs.name]
        seconds = [r.undisturbed_seconds for r in records if not r.failed]
        mean = sum(seconds) / len(seconds) if seconds else float("nan")
        rows.append(
            (
                Cell(runs.name),
                Cell("; ".join(_commands(group, records))),
                Cell(formatting.duration(mean), mean if seconds else None),
            )
        )
    headers = (
        ("variant", ""),
        (
            "command",
            f"trains these runs anew, in the folder '{_REPEAT_FOLDER}'; python -m harness verify "
            "RUN_DIR repeats one of them and compares it with its record bit for bit",
        ),
        ("time per run", "mean of the recorded runs, each at the pace of its fastest epoch"),
    )
    return Table("How to repeat the runs", headers, tuple(rows), prose=True)


def _commands(group: RunGroup, records: Sequence[RunRecord]) -> list[str]:
    """Return a command for each number of threads that was set for runs of a variant, because
    the number of threads decides bits."""
    by_threads: dict[str | None, list[RunRecord]] = {}
    for run in sorted(records, key=lambda r: r.seed):
        by_threads.setdefault(run.environment.variables.get(THREADS), []).append(run)
    return [
        (f"{THREADS}={shlex.quote(threads)} " if threads else "")
        + command(group, runs[0].variant, (r.seed for r in runs))
        for threads, runs in by_threads.items()
    ]


def command(group: RunGroup, variant: str, seeds: Iterable[int]) -> str:
    """Return the `run` command with every option that these runs depend on."""
    data, protocol = group.dataset, group.protocol
    words = ["python", "-m", "harness", "run", "--variant", variant, "--seeds", seed_ranges(seeds)]
    words += ["--dataset", data.name]
    words += ["--epochs", str(protocol.epochs), "--precision", protocol.precision]
    words += ["--device", group.device_type]  # types of device are never pooled
    if any(run.variant == variant and run.family == "own" for run in group.records):
        words += ["--variants-from", "FILE"]
    if protocol.validation:
        words += ["--validation"]
    if data.name == "folder":
        words += ["--data-dir", "DIR"]
    words += ["--results", _REPEAT_FOLDER]
    return shlex.join(words)
