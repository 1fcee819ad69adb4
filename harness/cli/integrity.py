"""`verify` and `check`: can a stored number be trusted?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import ArchiveOption, DataDirOption, OwnDataOption, ResultsOption, own_data
from harness.errors import InputError, RunFailedError


def verify(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a stored run.")],
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: Annotated[
        str, typer.Option(help="auto (the kind that the run used), cpu, cuda or cuda:N.")
    ] = "auto",
) -> None:
    """Repeat a stored run from its record and compare it bit for bit.

    A run on a CPU is repeated with as many threads as it had, unless OMP_NUM_THREADS is set.
    """
    from harness import progress
    from harness.runs import record, store, threads

    try:
        stored = store.load(run_dir / store.FILE)
        record.variant_of(stored)
    except record.DamagedRecordError as error:
        raise InputError(str(error)) from error
    threads.take_threads(stored.environment)

    from harness.data import dataset
    from harness.integrity.reproduce import verify
    from harness.training.device import choose_device, reuse_freed_heap
    from harness.training.seeding import make_deterministic

    make_deterministic()
    place = choose_device(stored.environment.device_type if device == "auto" else device)
    if place.type == "cpu":
        reuse_freed_heap()
    data = dataset.load(stored.dataset.name, data_dir, archive)
    repetition = verify(stored, data, place, progress.for_terminal())
    for line in repetition.lines:
        print(line)
    if not repetition.same:
        raise RunFailedError(f"{run_dir} could not be repeated (see above).")


def check(
    results: Annotated[Path, typer.Argument(help="A results folder, or one run's.")] = Path(
        "results"
    ),
    data_dir: OwnDataOption = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules and stop.")] = False,
) -> None:
    """Hold every stored record against the rules; name each breach."""
    from harness.integrity.check import check, rule_list

    if rules:
        for number, rule in enumerate(rule_list(), start=1):
            print(f"{number}. {rule}")
        return
    count, breaches = check(results, own_data(data_dir))
    for breach in breaches:
        print(f"{breach.path}: {breach.rule}: {breach.fault}")
    if not count:
        raise InputError(f"no record below {results}: nothing was checked.")
    broken = len({breach.path for breach in breaches})
    print(f"{count} record{'s' * (count != 1)} checked; {broken} break a rule")
    if breaches:
        raise RunFailedError(
            f"breaches of rules: {len(breaches)}, in {broken} of {count} (see above)."
        )


def bundle(
    file: Annotated[Path, typer.Argument(help="The tar file to write.")],
    results: ResultsOption = Path("results"),
    data_dir: OwnDataOption = None,
) -> None:
    """Pack finished and failed runs into one tar file: no weights, no images."""
    from harness.files import write_atomically
    from harness.integrity import bundle as integrity_bundle

    with _faults_named():
        content, count = integrity_bundle.pack(results, own_data(data_dir))
    write_atomically(file, content)
    print(f"{count} runs in {file} ({len(content):,} bytes)")


def merge(
    file: Annotated[Path, typer.Argument(help="A tar file that bundle wrote.")],
    results: ResultsOption = Path("results"),
    data_dir: OwnDataOption = None,
) -> None:
    """Take in the runs of a bundle after check; refuse all of it if one run conflicts."""
    from harness.integrity.merge import merge

    with _faults_named():
        merged = merge(file, results, own_data(data_dir))
    for run in merged.taken:
        print(f"taken in: {run}")
    for run in merged.present:
        print(f"already there: {run}")
    print(f"{len(merged.taken)} runs taken in, {len(merged.present)} were already there")


@contextmanager
def _faults_named() -> Iterator[None]:
    """Print a line for each fault; what is raised goes on."""
    from harness.integrity.bundle import RefusedError

    try:
        yield
    except RefusedError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        raise
