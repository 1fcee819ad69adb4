"""How to repeat each row of a table."""

from __future__ import annotations

from typing import Any

import pytest

from harness import compare, record
from harness.contrasts import Arm
from harness.plan import parse_seeds
from harness.report import provenance
from tests.conftest import ROOT
from tests.made import made


@pytest.mark.parametrize(
    ("seeds", "text"), [([0, 1, 2, 5], "0-2,5"), ([3], "3"), ([4, 3, 9, 10], "3-4,9-10"), ([], "")]
)
def test_seeds_are_written_as_run_takes_them(seeds: list[int], text: str) -> None:
    assert provenance.seed_ranges(seeds) == text
    if seeds:
        assert parse_seeds(text) == sorted(seeds)


def test_the_command_of_a_row_names_the_very_protocol_and_a_folder_without_its_records() -> None:
    (group,) = compare.group(record.load_all(ROOT / "tests/stored/folder")[0])[0]
    text = provenance.command(group, "paper", [0])
    assert text == (
        "python -m harness run --variant paper --seeds 0 --dataset folder --epochs 20 "
        "--precision bf16 --data-dir DIR --results again"
    )


def test_the_command_of_a_row_has_the_number_of_threads_that_its_runs_were_told() -> None:
    one = {"threads": 1, "variables": {"OMP_NUM_THREADS": "1"}}

    def told(*places: dict[str, Any]) -> str:
        runs = [made(seed=n, environment=place) for n, place in enumerate(places)]
        (group,) = compare.group(runs)[0]
        (row,) = provenance.repeats(group, [Arm.of("paper", group.records)]).rows
        return row[1].text

    assert told(one, one).startswith("OMP_NUM_THREADS=1 python -m harness run ")
    for other in ({}, {"variables": {"OMP_NUM_THREADS": "2"}}, {"variables": 7}):
        assert told(one, other).startswith("python -m")
    assert told(other).startswith("python -m")
