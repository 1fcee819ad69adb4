"""Save and load checkpoints, so that an interrupted run can resume.

The file name of a checkpoint has the SHA-256 of its bytes. The two newest are kept; if the newest
is incomplete, the one before it is loaded.
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

MAX_CHECKPOINTS = 2

# Shortest time between the starts of two writes: on a fast device an epoch takes less time than
# writing 186 MB, and the disk should not be busy all the time. A killed process loses one epoch,
# this time or that of a write, whichever is longest.
MIN_INTERVAL_SECONDS = 1.0


class Writer:
    """Write a run's checkpoints in a background thread.

    Leaving its context waits for the last write. If Ctrl-C or a signal ends the context, the newest
    state is saved first.

    Args:
        directory, identity: see `save`.
    """

    def __init__(self, directory: Path, identity: dict[str, Any]) -> None:
        self._directory = directory
        self._identity = identity
        self._pool = ThreadPoolExecutor(1)
        self._write: Future[None] | None = None
        self._last_start = -math.inf
        self._unsaved: dict[str, Any] | None = None

    def offer(self, state: dict[str, Any]) -> None:
        """Write a checkpoint, unless the previous write is unfinished or started just before.

        Args:
            state: see `save`; copied before this returns.

        Raises:
            UnwritableError: if the previous checkpoint could not be written.
        """
        self._unsaved = copy.deepcopy(state)
        now = time.perf_counter()
        if now - self._last_start < MIN_INTERVAL_SECONDS or (
            self._write and not self._write.done()
        ):
            return
        self._wait()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.current_stream().synchronize()  # the thread has another stream
        self._write = self._pool.submit(save, self._directory, self._identity, self._unsaved)
        self._last_start, self._unsaved = now, None

    def _wait(self) -> None:
        if self._write is not None:
            self._write.result()

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
            self._wait()
        elif self._unsaved is not None and not isinstance(error, Exception):
            save(self._directory, self._identity, self._unsaved)


def save(directory: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write a checkpoint and delete all but the newest two.

    Args:
        directory: the run's folder.
        identity: values that identify the run: variant, protocol, data, code, environment.
        state: state to resume from; `state["epoch"]` orders the checkpoints.

    Raises:
        UnwritableError: if it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    content = buffer.getbuffer()
    digest = hashlib.sha256(content).hexdigest()
    name = f"epoch-{state['epoch']:05d}-{digest}.pt"
    write_atomically(directory / CHECKPOINTS / name, content)
    for old in _newest_first(directory)[MAX_CHECKPOINTS:]:
        old.unlink(missing_ok=True)


def load(directory: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """Load the state of the newest complete checkpoint.

    Args:
        directory, identity: see `save`.

    Returns:
        The state, with tensors on the CPU; None if there is no checkpoint.

    Raises:
        InputError: if the checkpoint has another identity; the message lists the differences.
    """
    for path in _newest_first(directory):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != path.stem.rsplit("-", 1)[-1]:
            continue
        stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        differences = diff(stored["identity"], identity)
        if differences:
            raise InputError(
                f"the interrupted run in {directory} cannot resume, since "
                f"{'; '.join(differences)}. Restore that, or delete {directory / CHECKPOINTS} "
                "to start over."
            )
        state: dict[str, Any] = stored["state"]
        return state
    return None


def clear(directory: Path) -> None:
    """Delete all checkpoints of a run."""
    shutil.rmtree(directory / CHECKPOINTS, ignore_errors=True)


def _newest_first(directory: Path) -> list[Path]:
    return sorted((directory / CHECKPOINTS).glob("epoch-*.pt"), reverse=True)
