"""The report page of records that are damaged inside: each is named and left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.protocol import presets
from harness.report import drawings
from harness.report.pages import html
from harness.runs import store
from harness.verdict import study
from harness.verdict.study import Study
from tests.helpers.records import make_history, make_record


def spoiled(results: Path, change: Callable[[dict[str, Any]], Any]) -> Study:
    """Read a folder of two runs after one was damaged inside its fields."""
    for seed in (0, 1):
        run = make_record(seed=seed, history=make_history([0.5] * presets.EPOCHS))
        store.save(results / f"seed-{seed}", run)
    path = results / "seed-0" / store.FILE
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields))
    return study.load_study(results)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields["metrics"]["per_class"].pop("cat"),
        lambda fields: fields["metrics"].update(accuracy="x"),
        lambda fields: fields["metrics"]["confusion_matrix"].pop(),
        lambda fields: fields["history"][3].pop("train_loss"),
    ],
)
def test_a_record_damaged_inside_is_named_and_left_out(
    change: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    loaded = spoiled(tmp_path, change)
    assert loaded.warnings[0].sentence == "1 record could not be read."
    assert "seed-0/record.json is damaged" in loaded.warnings[0].cases[0]
    html.page(loaded, drawings.draw(loaded))
    assert [r.seed for r in loaded.primary.group.records] == [1]
