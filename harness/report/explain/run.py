"""Explain images of a stored run, and write the sheet to its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data import held_out
from harness.errors import InputError
from harness.export import finished_run
from harness.report.explain import attribution, sheet
from harness.runs.options import parse_seeds
from harness.training.augmentation import Normalize

# A sheet of a few hundred rows is too large for matplotlib.
MAX_IMAGES = 50


def explain_run(
    folder: Path,
    images: str | None,
    data_dir: Path | None,
    archive: str | None,
    seed: int,
    samples: int,
) -> Path:
    """Explain images of a stored run, and write the sheet to its folder.

    Args:
        folder: the folder of the run.
        images: indices such as "0,17", at most `MAX_IMAGES`; the first of each class if None.
        data_dir: folder of its dataset, see `harness.runs.options.RunOptions`.
        archive: URL or file of the official archive.
        seed: see `harness.report.explain.attribution.explain`.
        samples: see `harness.report.explain.attribution.explain`.

    Returns:
        The path of the sheet.

    Raises:
        InputError: if record, weights or images are missing, damaged or of another run, or if
            too many images are requested.
    """
    run = finished_run.load(folder)
    stored = run.record
    requested = None if images is None else _parse_indices(images)
    model = attribution.load_network(run)
    about = stored.dataset
    data = held_out.load_as_split(about.name, about.fingerprint, stored.protocol, data_dir, archive)
    pictures, labels = data.test.images.numpy(), data.test.labels.numpy()
    chosen = _first_of_each(labels) if requested is None else requested
    if max(chosen) >= len(labels):
        raise InputError(f"no image {max(chosen)}: choose from 0 to {len(labels) - 1}.")
    explained = attribution.explain(
        model,
        pictures,
        labels,
        chosen,
        about.classes,
        Normalize(stored.normalization.mean, stored.normalization.std, torch.device("cpu")),
        data.channel_statistics[0],
        seed,
        samples,
    )
    description = sheet.describe(explained, stored, explain_seed=seed, samples=samples)
    sheet.save(run.folder, sheet.sheet(explained, stored), description)
    return run.folder / sheet.IMAGE


def _parse_indices(text: str) -> list[int]:
    try:
        indices = parse_seeds(text)
    except InputError as error:
        raise InputError(
            f"--images {text!r} does not parse: write numbers and ranges such as 0,17,20-24."
        ) from error
    if len(indices) > MAX_IMAGES:
        raise InputError(f"--images has {len(indices)} images: a sheet shows at most {MAX_IMAGES}.")
    return indices


def _first_of_each(labels: NDArray[np.int64]) -> Sequence[int]:
    return [int(index) for index in np.sort(np.unique(labels, return_index=True)[1])][:MAX_IMAGES]
