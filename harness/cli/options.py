"""Options that several commands share. Nothing heavy is imported here."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.files import write_atomically

if TYPE_CHECKING:
    from harness.data.dataset import Dataset


class Format(StrEnum):
    """Forms of a table."""

    markdown = "markdown"
    csv = "csv"
    latex = "latex"
    json = "json"


class TextFormat(StrEnum):
    """Forms of a text with several tables."""

    markdown = "markdown"
    json = "json"


DatasetOption = Annotated[str, typer.Option(help="cifar10, folder or digits.")]

DataDirOption = Annotated[
    Path | None, typer.Option(help="Where the dataset lies. [default: $ALEXNET_DATA, else data/]")
]

OwnDataOption = Annotated[
    Path | None, typer.Option("--data-dir", help="Your own image folder, for records made on it.")
]

ArchiveOption = Annotated[
    str | None,
    typer.Option(help="URL or file of the official archive. [default: $ALEXNET_ARCHIVE]"),
]

VARIANTS_HELP = "Names or families (ablations, extensions, readings), separated by commas, or all."

DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]

PrecisionOption = Annotated[
    str | None, typer.Option(help="fp32 or bf16. [default: the protocol's]")
]

EpochsOption = Annotated[int | None, typer.Option(help="[default: the protocol's]")]

ValidationOption = Annotated[
    bool, typer.Option("--validation", help="Judge on a tenth of the training images.")
]

FiguresOption = Annotated[bool, typer.Option(help="Draw pictures of each run.")]

RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="Train again what failed before.")
]

EagerOption = Annotated[
    bool, typer.Option("--eager", help="Use no CUDA graph: slower, for where it fails.")
]

ResultsOption = Annotated[Path, typer.Option(help="The results folder.")]

FormatOption = Annotated[Format, typer.Option("--format", help="Form of what is printed.")]

TextFormatOption = Annotated[TextFormat, typer.Option("--format", help="Form of what is printed.")]

OutputOption = Annotated[
    Path | None, typer.Option(help="Write to this file what would be printed.")
]


def deliver(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file.

    Raises:
        InputError: if it cannot be written.
    """
    if output is None:
        sys.stdout.write(text)
    else:
        write_atomically(output, text.encode())


def own_data(data_dir: Path | None) -> Dataset | None:
    """The image folder of `OwnDataOption`, where one is named."""
    from harness.data import dataset

    return None if data_dir is None else dataset.load("folder", data_dir)
