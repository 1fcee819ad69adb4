"""`verify`, `diff`, `check`, `bundle` and `merge`: test, compare and exchange stored runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    ArchiveOption,
    DataDirOption,
    ImageFolderOption,
    ResultsOption,
    load_image_folder,
)
from harness.errors import InputError, RunFailedError
from harness.formatting import pluralize, printable

if TYPE_CHECKING:
    from harness.analysis.compatibility.reference import ReferenceRuns

# The word for the reference runs of the package; a folder of that name is "./reference".
_SHIPPED = "reference"


def verify(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a stored run.")],
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: Annotated[
        str, typer.Option(help="auto (the type that the run used), cpu, cuda or cuda:N.")
    ] = "auto",
) -> None:
    """Repeat a stored run from its record and compare it bit for bit.

    A CPU run is repeated with its number of threads, unless OMP_NUM_THREADS is set.
    """
    from harness import progress
    from harness.runs import record, store, threads

    stored = store.load_run(run_dir)
    record.variant_of(stored)
    threads.take_threads(stored.environment)

    from harness.data import dataset
    from harness.integrity.reproduce import verify
    from harness.training.device import choose_device, reuse_freed_heap
    from harness.training.seeding import make_deterministic

    make_deterministic()
    training_device = choose_device(stored.environment.device_type if device == "auto" else device)
    if training_device.type == "cpu":
        reuse_freed_heap()
    data = dataset.load(stored.dataset.name, data_dir, archive)
    repetition = verify(stored, data, training_device, progress.for_terminal())
    for line in repetition.lines:
        print(line)
    if not repetition.same:
        raise RunFailedError(f"{run_dir} was not reproduced (see above).")


def diff(
    run_a: Annotated[Path, typer.Argument(help="Folder of a stored run.")],
    run_b: Annotated[Path, typer.Argument(help="Folder of another stored run.")],
) -> None:
    """Show what differs between two runs: settings, data, environment, epochs, metrics."""
    from harness.integrity.run_diff import diff_runs

    topics = list(diff_runs(run_a, run_b))
    print(f"from {run_a} to {run_b}")
    for topic, differences in topics:
        print(f"{topic}: {'equal' if not differences else 'different'}")
        for difference in differences:
            print(f"  {difference}")


def check(
    results: Annotated[
        Path, typer.Argument(help="A results folder, or the folder of one run.")
    ] = Path("results"),
    data_dir: ImageFolderOption = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules and exit.")] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Compare each run, from any machine, with the finished runs of its setting below "
            f"this folder, or with those of the package: --against {_SHIPPED}.",
        ),
    ] = None,
) -> None:
    """Check every stored record against the rules and list each breach.

    With --against, also say whether each run is compatible with reference runs.
    """
    from harness.integrity.check import check, rule_list

    if rules:
        for number, rule in enumerate(rule_list(), start=1):
            print(f"{number}. {rule}")
        return
    reference_runs = None if against is None else _load_reference(against)
    count, breaches = check(results, load_image_folder(data_dir))
    for breach in breaches:
        print(printable(f"{breach.path}: {breach.rule}: {breach.fault}", limit=None))
    if not count:
        raise InputError(f"no record below {results}: give a folder with stored runs.")
    broken = len({breach.path for breach in breaches})
    print(f"{pluralize(count, 'record')} checked; {broken} break a rule")
    faults = []
    if breaches:
        faults.append(f"{broken} of {pluralize(count, 'record')} break a rule")
    if reference_runs is not None:
        incompatible = _compare_with_reference(results, reference_runs)
        if incompatible:
            runs = pluralize(incompatible, "run")
            faults.append(f"{runs} not compatible with the reference runs")
    if faults:
        raise RunFailedError(f"{'; '.join(faults)} (listed above).")


def _load_reference(against: str) -> ReferenceRuns:
    """Load the reference runs of the package or of a folder, and print what is skipped."""
    from harness.analysis.compatibility import reference

    if against == _SHIPPED:
        return reference.load_csv()
    runs, damaged = reference.load_folder(Path(against))
    for fault in damaged:
        print(printable(f"skipped: {fault}", limit=None), file=sys.stderr)
    return runs


def _compare_with_reference(results: Path, reference_runs: ReferenceRuns) -> int:
    """Print how each run below a folder compares with reference runs.

    Returns:
        The number of incompatible runs.
    """
    from harness.analysis.compatibility import prediction, sentences
    from harness.runs import record, store

    if not len(reference_runs):
        print(sentences.NO_REFERENCE)
        return 0
    stored = {}
    for path in store.find(results):
        # A damaged record breaks a rule and is listed already.
        with suppress(record.DamagedRecordError):
            stored[path.parent] = store.load(path)
    comparisons = prediction.compare_runs(stored.values(), reference_runs)
    for folder, comparison in zip(stored, comparisons, strict=True):
        print(f"{folder}: {sentences.line(comparison)}")
    print(sentences.summary(comparisons))
    not_compatible = prediction.Outcome.NOT_COMPATIBLE
    return sum(c is not None and c.outcome is not_compatible for c in comparisons)


def bundle(
    file: Annotated[Path, typer.Argument(help="The tar file to write.")],
    results: ResultsOption = Path("results"),
    data_dir: ImageFolderOption = None,
) -> None:
    """Pack finished and failed runs into one tar file, without weights and images."""
    from harness.files import write_output_file
    from harness.integrity import bundle as integrity_bundle

    with _faults_printed():
        content, count = integrity_bundle.pack(results, load_image_folder(data_dir))
    write_output_file(file, content)
    print(f"{count} runs in {file} ({len(content):,} bytes)")


def merge(
    file: Annotated[Path, typer.Argument(help="A tar file that bundle wrote.")],
    results: ResultsOption = Path("results"),
    data_dir: ImageFolderOption = None,
) -> None:
    """Check the runs of a bundle and add them to a results folder: all of them or none."""
    from harness.integrity.merge import merge

    with _faults_printed():
        result = merge(file, results, load_image_folder(data_dir))
    for run in result.added:
        print(f"added: {run}")
    for run in result.present:
        print(f"already present: {run}")
    print(f"{len(result.added)} runs added, {len(result.present)} already present")


@contextmanager
def _faults_printed() -> Iterator[None]:
    """Print a line for each fault of a RefusedError, then raise it again."""
    from harness.integrity.bundle import RefusedError

    try:
        yield
    except RefusedError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        raise
