"""Formats in which tables are written. Light: the command line imports it."""

from __future__ import annotations

from enum import StrEnum


class TableFormat(StrEnum):
    """Formats of a table."""

    MARKDOWN = "markdown"
    CSV = "csv"
    LATEX = "latex"
    JSON = "json"
