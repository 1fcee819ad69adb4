"""State of an unfinished run, so that a run that was cut off goes on where it was.

A checkpoint is written after every epoch. Its file name carries the SHA-256 of its bytes;
the two newest are kept, and one that is torn is passed over for the one before it.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import torch

from harness.errors import InputError
from harness.files import write_atomically
from harness.record import differences

FOLDER = "checkpoints"
KEPT = 2


def save(directory: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write a checkpoint and drop all but the newest two.

    Args:
        directory: the run's folder.
        identity: what the run is (variant, protocol, data, code, environment), plain values.
        state: what the run goes on from; `state["epoch"]` orders the checkpoints.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    content = buffer.getbuffer()
    digest = hashlib.sha256(content).hexdigest()
    name = f"epoch-{state['epoch']:05d}-{digest}.pt"
    write_atomically(directory / FOLDER / name, content)
    for old in _newest_first(directory)[KEPT:]:
        old.unlink()


def load(directory: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """State of the newest checkpoint that is whole, on the CPU; None if there is none.

    Raises:
        InputError: if it belongs to a run of another identity, saying what changed.
    """
    for path in _newest_first(directory):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != path.stem.rsplit("-", 1)[-1]:
            continue
        stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        changed = differences(stored["identity"], identity)
        if changed:
            raise InputError(
                f"{directory} holds a run that was cut off and cannot go on, since "
                f"{'; '.join(changed)}. Restore that, or delete {directory / FOLDER} to start over."
            )
        state: dict[str, Any] = stored["state"]
        return state
    return None


def clear(directory: Path) -> None:
    """Remove the checkpoints of a finished run."""
    shutil.rmtree(directory / FOLDER, ignore_errors=True)


def _newest_first(directory: Path) -> list[Path]:
    return sorted((directory / FOLDER).glob("epoch-*.pt"), reverse=True)
