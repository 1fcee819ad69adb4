"""Options shared by several commands. Nothing that is slow to import is imported here."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import variants
from harness.files import write_output_file
from harness.report.tables.formats import TableFormat

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.sweep.grid import AfterRun


class TextFormat(StrEnum):
    """Formats of a text with several tables."""

    markdown = "markdown"
    json = "json"


DatasetOption = Annotated[str, typer.Option(help="cifar10, folder or digits.")]

DataDirOption = Annotated[
    Path | None, typer.Option(help="Folder of the dataset. [default: $ALEXNET_DATA, else data/]")
]

ImageFolderOption = Annotated[
    Path | None, typer.Option("--data-dir", help="An image folder, for records of runs on it.")
]

ArchiveOption = Annotated[
    str | None,
    typer.Option(help="URL or file of the official archive. [default: $ALEXNET_ARCHIVE]"),
]

VARIANTS_HELP = (
    "Names or families (ablations, extensions, readings, own), separated by commas, or all."
)


def _register_file(path: Path | None) -> Path | None:
    if path is not None:
        try:
            variants.register_file(path)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return path


VariantsFromOption = Annotated[
    Path | None,
    typer.Option(
        callback=_register_file,
        help="A Python file that registers variants of yours, the family own.",
    ),
]

ValidationOption = Annotated[
    bool, typer.Option("--validation", help="Evaluate on a held-out tenth of the training images.")
]

FiguresOption = Annotated[bool, typer.Option(help="Draw the figures of each run.")]

RetryFailedOption = Annotated[bool, typer.Option("--retry-failed", help="Train failed runs again.")]

ResultsOption = Annotated[Path, typer.Option(help="The results folder.")]

WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Worker processes; they share the CPU's cores or the GPUs. "
        "[default: one per GPU, or one on the CPU]",
    ),
]

FormatOption = Annotated[TableFormat, typer.Option("--format", help="Output format.")]

TextFormatOption = Annotated[TextFormat, typer.Option("--format", help="Output format.")]

OutputOption = Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")]


def write_output(text: str, output: Path | None) -> None:
    """Write a text to a file, or print it if `output` is None.

    Raises:
        InputError: if the file cannot be written.
    """
    if output is None:
        print(text, end="")
    else:
        write_output_file(output, text.encode())


def draw_figures(wanted: bool) -> AfterRun | None:
    """Return what draws the figures of a finished run, for `FiguresOption`; None if unwanted."""
    if not wanted:
        return None
    from harness.report.figures import of_run

    return of_run.draw


def load_image_folder(data_dir: Path | None) -> Dataset | None:
    """Load the image folder of `ImageFolderOption`; None if it is not given."""
    from harness.data import dataset

    return None if data_dir is None else dataset.load("folder", data_dir)
