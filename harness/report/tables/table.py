"""The form of a table: columns with their notes, and cells with text and sort key. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.formatting import EMPTY

Row = TypeVar("Row")


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the number to sort by (None for words), and the name of its style."""

    text: str
    key: float | None = None
    style: str = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a table.

    Attributes:
        name: its heading.
        note: what it shows; may be empty.
        cell: makes the cell of a row; a text is a cell of words.
        full: whether only the full form of the table has it.
    """

    name: str
    note: str
    cell: Callable[[Row], Cell | str]
    full: bool = False


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is its name.

    Attributes:
        caption: what it shows.
        headers: (name, note) of each column; the note may be empty.
        rows: the cells of each row, one per header.
        prose: whether cells have sentences.
    """

    caption: str
    headers: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    prose: bool = False

    @property
    def is_numeric(self) -> tuple[bool, ...]:
        """Whether each column has numbers."""
        return tuple(
            any(c.key is not None for c in cells) for cells in zip(*self.rows, strict=True)
        )


def legend(tables: Iterable[Table]) -> str:
    """Return the notes of all columns as one sentence, empty if no column has one."""
    headers = dict.fromkeys(header for table in tables for header in table.headers)
    notes = [f"{name}: {note}" for name, note in headers if note]
    return f"{'; '.join(notes)}." if notes else ""


def number_cell(text: str, value: float) -> Cell:
    """Return the cell of a number; NaN sorts like words."""
    return Cell(text, None if math.isnan(value) else float(value))


def table(
    caption: str,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    *,
    full: bool = True,
    prose: bool = False,
) -> Table:
    """Fill a table, without the columns that would be empty.

    Args:
        caption: of the table.
        columns: in their order.
        rows: what the columns make cells of.
        full: whether to include the columns of the full form.
        prose: see `Table`.
    """
    shown = [column for column in columns if full or not column.full]
    cells = [[_as_cell(column.cell(row)) for column in shown] for row in rows]
    kept = [any(row[i].text != EMPTY for row in cells) for i in range(len(shown))]
    return Table(
        caption,
        tuple((column.name, column.note) for column, keep in zip(shown, kept, strict=True) if keep),
        tuple(tuple(c for c, keep in zip(row, kept, strict=True) if keep) for row in cells),
        prose,
    )


def text_table(caption: str, columns: Mapping[str, Sequence[str]], *, prose: bool = False) -> Table:
    """Return a table of texts from its columns."""
    rows = tuple(tuple(map(Cell, row)) for row in zip(*columns.values(), strict=True))
    return Table(caption, tuple((name, "") for name in columns), rows, prose)


def _as_cell(content: Cell | str) -> Cell:
    return content if isinstance(content, Cell) else Cell(content)
