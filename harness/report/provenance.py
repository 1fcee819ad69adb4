"""Where the runs of a group come from, what they cost, and how to repeat each row. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from harness import formatting
from harness.analysis.groups import RunGroup, VariantRuns, environments
from harness.formatting import pluralize
from harness.protocol import decision
from harness.report.tables import Cell, Table
from harness.runs.record import RunRecord
from harness.runs.threads import THREADS

# Where the records lie already, `run` would find every run done.
_ANEW = "again"


def seed_ranges(seeds: Iterable[int]) -> str:
    """Seeds as `run --seeds` takes them: 0, 1, 2 and 5 are "0-2,5"."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def facts(group: RunGroup) -> list[tuple[str, str]]:
    """Data, protocol, code, environment and cost, by name."""
    records, data, protocol = group.records, group.dataset, group.protocol
    spent = sum(r.train_seconds for r in records)
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
        ("images", f"{data.train_size:,} trained on, {data.test_size:,} judged on"),
        ("training", ", ".join(training)),
        ("parameters", ", ".join(f"{n:,}" for n in sizes) or "not recorded"),
        ("environment", "; ".join(environments(records)) or "no runs"),
        ("code", _code(records)),
        ("decision file (SHA-256)", _cited(records)),
        *_interrupted(records),
        (
            "cost",
            f"{formatting.duration(spent)} of training for {pluralize(len(records), 'run')}, all "
            "together",
        ),
    ]


def _interrupted(records: Sequence[RunRecord]) -> list[tuple[str, str]]:
    cut = [
        f"{r.variant} seed {r.seed} (after epoch {', '.join(map(str, r.resumed_at))})"
        for r in records
        if r.resumed_at
    ]
    return [("cut off and gone on with", "; ".join(cut))] if cut else []


def _code(records: Sequence[RunRecord]) -> str:
    found = Counter(
        f"commit {r.code.commit[:12]}" + " with changes" * bool(r.code.dirty)
        if r.code.commit
        else "commit not recorded"
        for r in records
    )
    return "; ".join(f"{text} ({pluralize(n, 'run')})" for text, n in sorted(found.items()))


def _cited(records: Sequence[RunRecord]) -> str:
    own = decision.sha256()
    found = Counter(r.decision_sha256 for r in records)
    return "; ".join(
        f"{'this one' if sha == own else 'another'}, {sha[:12]} ({pluralize(n, 'run')})"
        for sha, n in sorted(found.items())
    )


def repeats(group: RunGroup, arms: Sequence[VariantRuns]) -> Table:
    """The commands that train each row again."""
    rows = []
    for arm in arms:
        own = [r for r in group.records if r.variant == arm.name]
        seconds = [r.train_seconds for r in own if not r.failed]
        mean = sum(seconds) / len(seconds) if seconds else float("nan")
        rows.append(
            (
                Cell(arm.name),
                Cell("; ".join(_commands(group, own))),
                Cell(formatting.duration(mean), mean if seconds else None),
            )
        )
    headers = (
        ("variant", ""),
        (
            "command",
            f"trains these runs anew, in the folder {_ANEW}; python -m harness verify RUN_DIR "
            "repeats one of them and compares it with its record bit for bit",
        ),
        ("time of a run", "training alone, as it was"),
    )
    return Table("How to repeat each row", headers, tuple(rows), prose=True)


def _commands(group: RunGroup, records: Sequence[RunRecord]) -> list[str]:
    """A command for each number of threads that runs of one variant were told to have: it
    decides bits."""
    told: dict[str | None, list[RunRecord]] = {}
    for run in sorted(records, key=lambda r: r.seed):
        told.setdefault(run.environment.variables.get(THREADS), []).append(run)
    return [
        (f"{THREADS}={shlex.quote(threads)} " if threads else "")
        + command(group, runs[0].variant, (r.seed for r in runs))
        for threads, runs in told.items()
    ]


def command(group: RunGroup, variant: str, seeds: Iterable[int]) -> str:
    """`run` with every option that these runs depend on, in a folder that holds none of them."""
    data, protocol = group.dataset, group.protocol
    words = ["python", "-m", "harness", "run", "--variant", variant, "--seeds", seed_ranges(seeds)]
    words += ["--dataset", data.name]
    words += ["--epochs", str(protocol.epochs), "--precision", protocol.precision]
    words += ["--validation"] * protocol.validation
    words += ["--data-dir", "DIR"] * (data.name == "folder")
    words += ["--results", _ANEW]
    return shlex.join(words)
