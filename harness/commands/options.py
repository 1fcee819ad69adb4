"""Options that several commands share. Nothing heavy is imported here."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.files import write_atomically


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
ArchiveOption = Annotated[
    str | None,
    typer.Option(help="URL or file of the official archive. [default: $ALEXNET_ARCHIVE]"),
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
