"""Pictures of the dataset with what a network said of them, where both are at hand."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness import record
from harness.errors import InputError
from harness.record import RunRecord
from harness.verdict import Judgement

_SHOWN = 24


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
    judgement: Judgement, results: Path, data_dir: Path | None, archive: str | None
) -> Gallery:
    """Sample predictions of the first run of a group whose probabilities are still there.

    Raises:
        InputError: if there is no such run, or the dataset is missing or another one.
    """
    runs = [(r, path) for r in judgement.group.records if (path := _probabilities(results, r))]
    if not runs:
        raise InputError(
            f"--data-dir: no run below {results} has {record.PROBABILITIES} beside its record; "
            "run writes it, but it is not committed."
        )
    run, path = min(runs, key=lambda pair: (pair[0].variant != "paper", pair[0].seed))
    from harness.plan import Options  # needs torch: only where images are read

    data = Options(dataset=run.dataset["name"], data_dir=data_dir, archive=archive).load_data()
    if data.fingerprint != run.dataset["fingerprint"]:
        raise InputError(
            f"--data-dir: those images are not the ones of {run.variant} seed {run.seed} "
            f"(fingerprint {data.fingerprint[:12]}, not {run.dataset['fingerprint'][:12]})."
        )
    judged = (data.validation() if run.dataset["split"] == "validation" else data).test
    chosen, mistakes = _pick(run, judged.images.numpy(), judged.labels.numpy(), np.load(path))
    return Gallery(
        f"{run.variant}, seed {run.seed}", chosen, mistakes, _explanation(path.parent, run)
    )


def _explanation(folder: Path, run: RunRecord) -> Explanation | None:
    """The sheet, where there is one of these very weights."""
    sheet, words = folder / "explain.png", folder / "explain.json"
    if not (sheet.exists() and words.exists()):
        return None
    told = json.loads(words.read_bytes())
    if told["weights_sha256"] != run.weights_sha256:
        return None
    return Explanation(_uri(sheet.read_bytes()), told["alt"], told["grad_cam_layer"])


def _probabilities(results: Path, run: RunRecord) -> Path | None:
    if run.failed:
        return None
    try:
        folder = record.directory(results, record.protocol_of(run), run.variant, run.seed)
    except record.DamagedRecordError:
        return None
    path = folder / record.PROBABILITIES
    return path if path.exists() else None


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
    classes = run.dataset["classes"]
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
