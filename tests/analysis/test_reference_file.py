"""The file of reference runs: which runs are in it, and a damaged one is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.compatibility import reference
from harness.errors import InputError
from harness.runs import store
from tests.helpers.records import make_record
from tests.helpers.results_folders import write_grid


def test_the_file_has_the_finished_runs_on_the_official_test_images(tmp_path: Path) -> None:
    write_grid(tmp_path, 6, names=["paper", "batch_norm"])
    write_grid(tmp_path, 6, names=["paper"], epochs=40)
    held_out = {"split": "validation", "train_size": 45_000, "test_size": 5_000}
    copy = {"official": False, "fingerprint": "1" * 64}
    for number, dataset in enumerate((held_out, copy)):
        run = make_record("paper", 50 + number, dataset=dataset)
        store.save(tmp_path / f"other/{number}", run)
    store.save(tmp_path / "other/failed", make_record("paper", 60, failed=True))
    records = store.load_all(tmp_path)[0]
    content = reference.to_csv(records)
    assert content == reference.to_csv(records[::-1])
    file = tmp_path / "runs.csv"
    file.write_bytes(content)
    stored = reference.load_csv(file)
    assert len(stored) == 18
    expected = reference.from_records(records).by_setting
    assert stored.by_setting == {key: expected[key] for key in stored.by_setting}
    assert [set(by_seed) for by_seed in stored.by_setting.values()] == [set(range(6))] * 3


@pytest.mark.parametrize("content", ["variant,seed\npaper,1\n", "\0", None])
def test_a_damaged_file_is_one_line(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "reference_runs.csv"
    header = reference.to_csv([]).decode().strip()
    if content is not None:
        path.write_text(content.replace("\0", f"{header}\n{'x,' * header.count(',')}x\n"))
    with pytest.raises(InputError, match=r"reference_runs\.csv is damaged .*--against"):
        reference.load_csv(path)
