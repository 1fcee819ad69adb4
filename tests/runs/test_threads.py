"""Threads of a repetition: as recorded, unless the user or the machine says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.runs import threads as runs_threads
from harness.runs.record import Environment
from harness.runs.threads import THREADS
from tests.helpers.records import ENVIRONMENT


@pytest.fixture(autouse=True)
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A possible number of threads other than this process's; the variable is not set."""
    before = torch.get_num_threads()
    monkeypatch.setenv(THREADS, "")  # so that it is restored after the test
    monkeypatch.delenv(THREADS)
    monkeypatch.setattr(runs_threads, "cores", lambda: before + 1)
    yield before + 1
    torch.set_num_threads(before)


def recorded(threads: int, variable: str | None = None, device: str = "cpu") -> Environment:
    """The environment of a record."""
    variables = {} if variable is None else {THREADS: variable}
    changed = {"device_type": device, "threads": threads, "variables": variables}
    return Environment(**{**ENVIRONMENT, **changed})


def taken(environment: Environment) -> tuple[int, str | None]:
    """Threads of this process and the variable, after taking over a record's."""
    runs_threads.take_threads(environment)
    return torch.get_num_threads(), os.environ.get(THREADS)


def test_threads_and_variable_are_as_the_run_had_them(other: int) -> None:
    assert taken(recorded(other, str(other))) == (other, str(other))


@pytest.mark.parametrize("variable", [None, "many", "4,2"])
def test_a_variable_that_the_run_did_not_use_stays_unset(variable: str | None, other: int) -> None:
    assert taken(recorded(other, variable)) == (other, None)


@pytest.mark.parametrize(("variable", "left"), [(None, None), ("", ""), ("many", None)])
def test_an_empty_variable_counts_as_none_and_goes_unless_the_run_had_it(
    variable: str | None, left: str | None, other: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THREADS, "")
    assert taken(recorded(other, variable)) == (other, left)


def test_what_the_user_has_set_stays(other: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, str(other - 1))
    assert taken(recorded(other, str(other))) == (other - 1, str(other - 1))


@pytest.mark.parametrize("empty", [False, True])
def test_more_threads_than_cores_leave_everything_alone(
    empty: bool, other: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if empty:
        monkeypatch.setenv(THREADS, "")
    assert taken(recorded(other + 1, str(other + 1))) == (other - 1, "" if empty else None)


def test_a_run_on_a_gpu_leaves_everything_alone(other: int) -> None:
    assert taken(recorded(other, str(other), "cuda")) == (other - 1, None)


CPUINFO = """\
processor\t: 0
cpu family\t: 6
model\t\t: 207
model name\t: Intel(R) Xeon(R) Processor
stepping\t: 2
flags\t\t: fpu avx512_bf16 avx2 amx_bf16 amx_tile
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (": 207", ": 143"),
        ("stepping\t: 2", "stepping\t: 8"),
        (" amx_bf16", ""),
        ("Intel(R) Xeon(R) Processor", "AMD EPYC"),
    ],
)
def test_processors_of_other_models_have_other_names(
    before: str, after: str, tmp_path: Path
) -> None:
    def name(first: str, second: str) -> str:
        (tmp_path / "cpuinfo").write_text(f"{first}\n{second}\n")
        return runs_threads.cpu_name(tmp_path / "cpuinfo")

    known = name(CPUINFO, CPUINFO)
    details = "family 6, model 207, stepping 2, amx_bf16, avx512_bf16"
    assert known == f"Intel(R) Xeon(R) Processor ({details}), {os.cpu_count()} cores"
    other = CPUINFO.replace(before, after)
    assert name(other, CPUINFO) != known
    assert name(CPUINFO, other) == known  # the first processor's


def test_processors_by_arm_are_told_apart_too(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(
        "Features\t: fp bf16 i8mm svebf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
    )
    name = runs_threads.cpu_name(tmp_path / "cpuinfo")
    assert " (implementer 0x41, part 0xd40, bf16, svebf16), " in name
    (tmp_path / "cpuinfo").write_bytes(b"model name: \xff\n")
    assert runs_threads.cpu_name(tmp_path / "cpuinfo")


def test_a_processor_without_a_description_has_a_name(tmp_path: Path) -> None:
    assert runs_threads.cpu_name(tmp_path / "none").endswith(f", {os.cpu_count()} cores")
    (tmp_path / "cpuinfo").write_text("processor : 0\n")
    name = runs_threads.cpu_name(tmp_path / "cpuinfo")
    assert "(" not in name and not name.startswith(",")
