"""`bundle` and `merge`: results travel between machines in one file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import OwnDataOption, ResultsOption, own_data


def bundle(
    file: Annotated[Path, typer.Argument(help="The tar file to write.")],
    results: ResultsOption = Path("results"),
    data_dir: OwnDataOption = None,
) -> None:
    """Pack finished and failed runs into one tar file: no weights, no images."""
    from harness import bundle
    from harness.files import write_atomically

    with _faults_named():
        content, count = bundle.pack(results, own_data(data_dir))
    write_atomically(file, content)
    print(f"{count} runs in {file} ({len(content):,} bytes)")


def merge(
    file: Annotated[Path, typer.Argument(help="A tar file that bundle wrote.")],
    results: ResultsOption = Path("results"),
    data_dir: OwnDataOption = None,
) -> None:
    """Take in the runs of a bundle after check; refuse all of it if one run conflicts."""
    from harness.merge import merge

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
    from harness.bundle import RefusedError

    try:
        yield
    except RefusedError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        raise
