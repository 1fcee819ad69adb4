"""The lines of docs/timm.md, typed on a finished run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from harness.data.dataset import Dataset
from harness.runs import store
from harness.runs.record import RunRecord
from tests.helpers.paths import ROOT


def test_the_lines_of_the_page_work_on_a_finished_run(
    train: Callable[..., RunRecord],
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = train("batch_norm")
    folder = store.directory(tmp_path / "results", record.protocol, record.variant, 0)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.test.images[0].numpy()).save("image.png")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/timm.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("RUN_DIR", str(folder)), names)
    transform, network = names["transform"], names["network"]
    assert callable(transform)
    assert isinstance(network, torch.nn.Module)
    images = torch.stack([transform(Image.fromarray(i.numpy())) for i in data.test.images])
    predictions = [int(p) for p in (folder / store.PREDICTIONS).read_text().split()]
    assert network(images).argmax(1).tolist() == predictions
