"""`explain` of a stored run: its record, weights and images to a sheet in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data import dataset
from harness.errors import InputError
from harness.report.explain import attribution, sheet
from harness.runs import record, store
from harness.runs.options import parse_seeds
from harness.runs.record import RunRecord
from harness.training.augmentation import Normalize

# A sheet of a few hundred rows is larger than matplotlib draws, and nobody reads it.
MOST = 50


def explain_run(
    folder: Path,
    images: str | None,
    data_dir: Path | None,
    archive: str | None,
    seed: int,
    samples: int,
) -> Path:
    """Explain images of the run in `folder`, and write the sheet beside its record.

    Args:
        images: such as "0,17", `MOST` at most; the first of each class if None.
        data_dir, archive: where its dataset lies, see `harness.runs.options.RunOptions`.
        seed, samples: see `harness.report.explain.attribution.explain`.

    Returns:
        The sheet.

    Raises:
        InputError: if record, weights or images are missing, damaged or of another run, or too
            many images are asked for.
    """
    stored = _finished(folder)
    asked = None if images is None else _indices(images)
    network = attribution.network(folder, stored)
    data = dataset.load(stored.dataset.name, data_dir, archive)
    if data.fingerprint != stored.dataset.fingerprint:
        raise InputError(
            f"these images are not the run's (fingerprint {data.fingerprint[:12]}, "
            f"not {stored.dataset.fingerprint[:12]}): name its dataset with --data-dir."
        )
    data = data.split_by(stored.protocol)
    pictures, labels = data.test.images.numpy(), data.test.labels.numpy()
    chosen = _first_of_each(labels) if asked is None else asked
    if max(chosen) >= len(labels):
        raise InputError(f"there is no image {max(chosen)}: they go from 0 to {len(labels) - 1}.")
    found = attribution.explain(
        network,
        pictures,
        labels,
        chosen,
        stored.dataset.classes,
        Normalize(stored.normalization.mean, stored.normalization.std, torch.device("cpu")),
        seed,
        samples,
    )
    told = sheet.about(found, stored, explain_seed=seed, samples=samples)
    sheet.save(folder, sheet.sheet(found, stored), told)
    return folder / sheet.IMAGE


def _finished(folder: Path) -> RunRecord:
    try:
        stored = store.load(folder / store.FILE)
        record.variant_of(stored)
    except record.DamagedRecordError as error:
        raise InputError(str(error)) from error
    if stored.failed:
        raise InputError(f"the run in {folder} failed: it left no network to explain.")
    return stored


def _indices(text: str) -> list[int]:
    try:
        indices = parse_seeds(text)
    except InputError as error:
        raise InputError(
            f"--images {text!r} does not parse: write numbers and ranges such as 0,17,20-24."
        ) from error
    if len(indices) > MOST:
        raise InputError(f"--images names {len(indices)} images: a sheet holds {MOST} at most.")
    return indices


def _first_of_each(labels: NDArray[np.int64]) -> Sequence[int]:
    return [int(index) for index in np.sort(np.unique(labels, return_index=True)[1])][:MOST]
