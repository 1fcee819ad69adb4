"""Read the TOML files of this package, which fix what no option can change. No torch here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from harness.errors import InputError
from harness.formatting import first_fault, printable
from harness.schema import StrictModel

Rules = TypeVar("Rules", bound=StrictModel)


def load(model: type[Rules], file: Path) -> Rules:
    """Read and validate a file.

    Raises:
        InputError: if it cannot be read, or see `parse`.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _damaged(file, str(error)) from error
    return parse(model, text, file)


def parse(model: type[Rules], text: str, file: Path) -> Rules:
    """Validate the text of a file.

    Args:
        model: what the file must hold.
        text: of the file.
        file: for the message.

    Raises:
        InputError: if it is not TOML, or a section or value is missing, unknown, of the wrong type
            or out of range.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise _damaged(file, first_fault(error)) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(file, f"not valid TOML: {error}") from error


def _damaged(file: Path, fault: str) -> InputError:
    return InputError(
        f"{file} is damaged ({printable(fault)}): correct it, or restore it with git restore."
    )
