"""Sample predictions: images of the dataset with the class that a network predicted."""

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

from harness.formatting import first_fault
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict.study import DataWarning
from harness.verdict.verdict import GroupVerdict

_MAX_SAMPLES = 24

_BUNDLED_DATASET = "digits"  # its images come with scikit-learn: no --data-dir is needed


class _ExplanationFile(BaseModel):
    """The fields of `explain.json` that the report uses."""

    weights_sha256: str
    alt: str
    grad_cam_layer: str


@dataclass(frozen=True)
class Sample:
    """One image: its data URI, index, class, predicted class, and the latter's probability."""

    uri: str
    index: int
    truth: str
    guess: str
    probability: float

    @property
    def right(self) -> bool:
        """Whether the prediction is right."""
        return self.truth == self.guess


@dataclass(frozen=True)
class Explanation:
    """The sheet that `explain` wrote: its data URI, alternative text, and the Grad-CAM layer."""

    uri: str
    alt: str
    layer: str


@dataclass(frozen=True)
class Gallery:
    """Sample images of one run: a random choice, the most confident mistakes, explanations."""

    run: str
    chosen: tuple[Sample, ...]
    mistakes: tuple[Sample, ...]
    explanation: Explanation | None


def gallery(
    group_verdict: GroupVerdict, results: Path, data_dir: Path | None, archive: str | None
) -> tuple[Gallery | None, tuple[DataWarning, ...]]:
    """Return sample predictions of the first run of a group that still has its probabilities.

    Args:
        group_verdict: the group.
        results: the results folder.
        data_dir: folder of the group's dataset. If None, images are shown only for a dataset that
            needs no folder, and nothing is reported as missing.
        archive: URL or file of the official archive.

    Returns:
        The gallery, None if there is nothing to show, and warnings about what cannot be shown.

    Raises:
        InputError: if the dataset is missing or has another fingerprint.
    """
    requested = data_dir is not None
    if not requested and group_verdict.group.dataset.name != _BUNDLED_DATASET:
        return None, ()
    candidates = [
        (r, folder)
        for r in group_verdict.group.records
        if (folder := _folder_with_probabilities(results, r))
    ]
    if not candidates:
        return None, (_no_probabilities_warning(group_verdict),) if requested else ()
    damaged = []
    for run, folder in sorted(
        candidates, key=lambda pair: (pair[0].variant != "paper", pair[0].seed)
    ):
        try:
            probabilities = _load_probabilities(folder / store.PROBABILITIES, run)
        except _DamagedError as error:
            damaged.append(str(error))
            continue
        images, labels = _load_evaluated_images(run, data_dir, archive)
        chosen, mistakes = _choose_samples(run, images, labels, probabilities)
        explanation = None
        try:
            explanation = _load_explanation(folder, run)
        except _DamagedError as error:
            damaged.append(str(error))
        result = Gallery(f"{run.variant}, seed {run.seed}", chosen, mistakes, explanation)
        return result, _damage_warnings(damaged)
    return None, _damage_warnings(damaged)


class _DamagedError(Exception):
    """A file in a run's folder is damaged; the message names it and the fault."""


def _damage_warnings(damaged: list[str]) -> tuple[DataWarning, ...]:
    if not damaged:
        return ()
    files = "1 file of a run is" if len(damaged) == 1 else f"{len(damaged)} files of runs are"
    return (DataWarning(f"{files} damaged and not shown.", (*damaged,)),)


def _no_probabilities_warning(group_verdict: GroupVerdict) -> DataWarning:
    return DataWarning(
        f"No sample predictions: no run has {store.PROBABILITIES} in its folder.",
        (f"{group_verdict.title}: run writes it, but it is neither committed nor bundled.",),
    )


def _load_evaluated_images(
    run: RunRecord, data_dir: Path | None, archive: str | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Load the images, uint8 [N, H, W, 3], and labels, int64 [N], that a run was evaluated on."""
    from harness.data import held_out  # imports torch, which is slow: only if images are read

    about = run.dataset
    data = held_out.load_as_split(about.name, about.fingerprint, run.protocol, data_dir, archive)
    return data.test.images.numpy(), data.test.labels.numpy()


def _load_probabilities(path: Path, run: RunRecord) -> NDArray[np.float32]:
    """Load the probabilities of a run, float32 [N, C].

    Raises:
        _DamagedError: if the file is damaged or has another shape or type.
    """
    try:
        # Mapped first, so that a header with a wrong size cannot exhaust the memory.
        probabilities = np.array(np.lib.format.open_memmap(path, mode="r"))
    # numpy parses the header as Python, so a damaged one may raise any of these.
    except (OSError, EOFError, ValueError, SyntaxError, TokenError, OverflowError) as error:
        raise _DamagedError(f"{path} ({error}).") from error
    shape = (run.dataset.test_size, len(run.dataset.classes))
    if (
        probabilities.dtype != np.float32
        or probabilities.shape != shape
        or not np.isfinite(probabilities).all()
    ):
        raise _DamagedError(
            f"{path} ({probabilities.dtype} {probabilities.shape}, not finite float32 {shape})."
        )
    return probabilities


def _load_explanation(folder: Path, run: RunRecord) -> Explanation | None:
    """Load the explanation sheet; None if there is none for the weights of this record.

    Raises:
        _DamagedError: if the sheet cannot be read.
    """
    image_path, text = folder / "explain.png", folder / "explain.json"
    if not (image_path.exists() and text.exists()):
        return None
    try:
        description = _ExplanationFile.model_validate_json(text.read_bytes())
        if description.weights_sha256 != run.weights_sha256:
            return None
        content = image_path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()  # damage is detected only when the pixels are read
    except ValidationError as error:
        fault = f"{text.name}: {first_fault(error)}"
        raise _DamagedError(f"explain.* in {folder} ({fault}): run explain again.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise _DamagedError(f"explain.* in {folder} ({error}): run explain again.") from error
    return Explanation(_data_uri(content), description.alt, description.grad_cam_layer)


def _folder_with_probabilities(results: Path, run: RunRecord) -> Path | None:
    """Return a run's folder if it has the probabilities, else None."""
    if run.failed:
        return None
    folder = store.directory(results, run.protocol, run.variant, run.seed)
    return folder if (folder / store.PROBABILITIES).exists() else None


def _choose_samples(
    run: RunRecord,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Choose random images, by the run's seed, and the most confident mistakes.

    Args:
        run: the record.
        images: uint8 [N, H, W, 3].
        labels: int64 [N].
        probabilities: float32 [N, C].
    """
    classes = run.dataset.classes
    guesses, confidences = probabilities.argmax(1), probabilities.max(1)

    def sample(index: int) -> Sample:
        truth, guess = classes[labels[index]], classes[guesses[index]]
        buffer = io.BytesIO()
        Image.fromarray(images[index]).save(buffer, format="png")
        return Sample(_data_uri(buffer.getvalue()), index, truth, guess, float(confidences[index]))

    count = min(_MAX_SAMPLES, len(labels))
    chosen = np.sort(np.random.default_rng(run.seed).choice(len(labels), count, replace=False))
    wrong = np.flatnonzero(guesses != labels)
    worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:_MAX_SAMPLES]
    return tuple(sample(int(i)) for i in chosen), tuple(sample(int(i)) for i in worst)


def _data_uri(png: bytes) -> str:
    """Encode a PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
