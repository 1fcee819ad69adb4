"""Pictures of the dataset with what a network said of them, where both are at hand."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ValidationError

from harness.errors import InputError
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict.study import DataWarning
from harness.verdict.verdict import GroupVerdict

_SHOWN = 24

_EMBEDDED = "digits"  # its images come with scikit-learn: no --data-dir is needed


class _Told(BaseModel):
    """What `explain` writes about its sheet, as far as it is read here."""

    weights_sha256: str
    alt: str
    grad_cam_layer: str


@dataclass(frozen=True)
class Sample:
    """One image: a data URI of it, its class, the guess, its probability as a fraction."""

    uri: str
    index: int
    truth: str
    guess: str
    probability: float

    @property
    def right(self) -> bool:
        """Whether the guess is the class."""
        return self.truth == self.guess


@dataclass(frozen=True)
class Explanation:
    """What `explain` left in the run's folder: a data URI of its sheet, and that in words."""

    uri: str
    alt: str
    layer: str


@dataclass(frozen=True)
class Gallery:
    """Pictures of one run: a random choice, the most confident mistakes, explanations."""

    run: str
    chosen: tuple[Sample, ...]
    mistakes: tuple[Sample, ...]
    explanation: Explanation | None


def gallery(
    judgement: GroupVerdict, results: Path, data_dir: Path | None, archive: str | None
) -> tuple[Gallery | None, tuple[DataWarning, ...]]:
    """Sample predictions of the first run of a group whose probabilities are still there.

    Args:
        data_dir: where the group's dataset lies; without it, only a dataset that needs no
            files is shown, and nobody has asked for it.

    Returns:
        The gallery, None where there is nothing to show, and what could not be shown and why.

    Raises:
        InputError: if the dataset is missing or another one.
    """
    asked = data_dir is not None
    if not asked and judgement.group.dataset.name != _EMBEDDED:
        return None, ()
    kept = [(r, folder) for r in judgement.group.records if (folder := _folder(results, r))]
    if not kept:
        return None, (_nothing(judgement),) if asked else ()
    damaged = []
    for run, folder in sorted(kept, key=lambda pair: (pair[0].variant != "paper", pair[0].seed)):
        try:
            probabilities = _probabilities(folder / store.PROBABILITIES, run)
        except _DamagedError as error:
            damaged.append(str(error))
            continue
        images, labels = _judged_on(run, data_dir, archive)
        chosen, mistakes = _pick(run, images, labels, probabilities)
        explanation = None
        try:
            explanation = _explanation(folder, run)
        except _DamagedError as error:
            damaged.append(str(error))
        shown = Gallery(f"{run.variant}, seed {run.seed}", chosen, mistakes, explanation)
        return shown, _problems(damaged)
    return None, _problems(damaged)


class _DamagedError(Exception):
    """A file beside a record cannot be shown; the message names it and the fault."""


def _problems(damaged: list[str]) -> tuple[DataWarning, ...]:
    if not damaged:
        return ()
    files = "1 file of a run is" if len(damaged) == 1 else f"{len(damaged)} files of runs are"
    return (DataWarning(f"{files} damaged and not shown.", (*damaged,)),)


def _nothing(judgement: GroupVerdict) -> DataWarning:
    return DataWarning(
        f"No sample predictions: no run has {store.PROBABILITIES} beside its record.",
        (f"{judgement.title}: run writes it, but it is neither committed nor bundled.",),
    )


def _judged_on(
    run: RunRecord, data_dir: Path | None, archive: str | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [N, H, W, 3] and labels [N] that a run was judged on."""
    from harness.data import dataset  # needs torch: only where images are read

    data = dataset.load(run.dataset.name, data_dir, archive)
    if data.fingerprint != run.dataset.fingerprint:
        raise InputError(
            f"--data-dir: those images are not the ones of {run.variant} seed {run.seed} "
            f"(fingerprint {data.fingerprint[:12]}, not {run.dataset.fingerprint[:12]})."
        )
    judged = data.split_by(run.protocol).test
    return judged.images.numpy(), judged.labels.numpy()


def _probabilities(path: Path, run: RunRecord) -> NDArray[np.float32]:
    """Probabilities [N, C] of a run.

    Raises:
        _DamagedError: if they are not that.
    """
    try:
        # Mapped first, so that a header that lies about its size cannot ask for all memory.
        found = np.array(np.lib.format.open_memmap(path, mode="r"))
    # numpy parses the header as Python: what a torn one raises is as various as that.
    except (OSError, EOFError, ValueError, SyntaxError, TokenError, OverflowError) as error:
        raise _DamagedError(f"{path} ({error}).") from error
    shape = (run.dataset.test_size, len(run.dataset.classes))
    if found.dtype != np.float32 or found.shape != shape or not np.isfinite(found).all():
        raise _DamagedError(f"{path} ({found.dtype} {found.shape}, not finite float32 {shape}).")
    return found


def _explanation(folder: Path, run: RunRecord) -> Explanation | None:
    """The sheet, where there is one of these very weights.

    Raises:
        _DamagedError: if it cannot be read.
    """
    sheet, words = folder / "explain.png", folder / "explain.json"
    if not (sheet.exists() and words.exists()):
        return None
    try:
        told = _Told.model_validate_json(words.read_bytes())
        if told.weights_sha256 != run.weights_sha256:
            return None
        content = sheet.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()  # a torn one is found only where its pixels are read
    except ValidationError as error:
        fault = f"{words.name}: {store.first_fault(error)}"
        raise _DamagedError(f"explain.* in {folder} ({fault}): run explain again.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise _DamagedError(f"explain.* in {folder} ({error}): run explain again.") from error
    return Explanation(_uri(content), told.alt, told.grad_cam_layer)


def _folder(results: Path, run: RunRecord) -> Path | None:
    """Where a run's probabilities lie; None where they do not."""
    if run.failed:
        return None
    folder = store.directory(results, run.protocol, run.variant, run.seed)
    return folder if (folder / store.PROBABILITIES).exists() else None


def _pick(
    run: RunRecord,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """A random choice that depends on the run's seed alone, and the most confident mistakes.

    Args:
        images: [N, H, W, 3]; labels [N]; probabilities [N, C].
    """
    classes = run.dataset.classes
    guesses, sure = probabilities.argmax(1), probabilities.max(1)

    def sample(index: int) -> Sample:
        truth, guess = classes[labels[index]], classes[guesses[index]]
        buffer = io.BytesIO()
        Image.fromarray(images[index]).save(buffer, format="png")
        return Sample(_uri(buffer.getvalue()), index, truth, guess, float(sure[index]))

    count = min(_SHOWN, len(labels))
    chosen = np.sort(np.random.default_rng(run.seed).choice(len(labels), count, replace=False))
    wrong = np.flatnonzero(guesses != labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:_SHOWN]
    return tuple(sample(int(i)) for i in chosen), tuple(sample(int(i)) for i in worst)


def _uri(png: bytes) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
