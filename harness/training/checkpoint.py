"""State of an unfinished run, so that a run that was cut off goes on where it was.

The file name of a checkpoint carries the SHA-256 of its bytes; the two newest are kept, and
one that is torn is passed over for the one before it.
"""

from __future__ import annotations

import copy
import hashlib
import io
import math
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from harness.errors import InputError
from harness.files import write_atomically
from harness.runs.store import CHECKPOINTS, diff

KEPT = 2

# Epochs on a fast device are shorter than the writing of 186 MB, and no disk should take that
# all the time: there a checkpoint follows the first epoch that ends this long after the one
# before was begun. What a kill costs is thus one epoch or this time, whichever is longer.
SECONDS = 1.0


class Writer:
    """Writes a run's checkpoints in a thread of its own, so that training goes on meanwhile.

    Leaving its context waits for the last one. If Ctrl-C or a signal ends it, the newest state
    offered is written first.

    Args:
        directory, identity: see `save`.
    """

    def __init__(self, directory: Path, identity: dict[str, Any]) -> None:
        self._directory = directory
        self._identity = identity
        self._pool = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._begun = -math.inf
        self._left: dict[str, Any] | None = None

    def offer(self, state: dict[str, Any]) -> None:
        """Write a checkpoint, unless the one before is still being written or was just begun.

        Args:
            state: see `save`; copied before this returns.

        Raises:
            InputError: if the one before could not be written.
        """
        self._left = copy.deepcopy(state)
        now = time.perf_counter()
        if now - self._begun < SECONDS or (self._writing and not self._writing.done()):
            return
        self._finish()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.current_stream().synchronize()  # the thread has another stream
        self._writing = self._pool.submit(save, self._directory, self._identity, self._left)
        self._begun, self._left = now, None

    def _finish(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        if error is None:
            self._finish()
        elif self._left is not None and not isinstance(error, Exception):
            save(self._directory, self._identity, self._left)


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
    write_atomically(directory / CHECKPOINTS / name, content)
    for old in _newest_first(directory)[KEPT:]:
        old.unlink(missing_ok=True)


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
        changed = diff(stored["identity"], identity)
        if changed:
            raise InputError(
                f"{directory} holds a run that was cut off and cannot go on, since "
                f"{'; '.join(changed)}. Restore that, or delete {directory / CHECKPOINTS} "
                "to start over."
            )
        state: dict[str, Any] = stored["state"]
        return state
    return None


def clear(directory: Path) -> None:
    """Remove the checkpoints of a finished run."""
    shutil.rmtree(directory / CHECKPOINTS, ignore_errors=True)


def _newest_first(directory: Path) -> list[Path]:
    return sorted((directory / CHECKPOINTS).glob("epoch-*.pt"), reverse=True)
