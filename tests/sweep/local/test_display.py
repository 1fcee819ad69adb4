"""The display of a sweep, and how a machine is shared among workers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from harness.progress import figures
from harness.runs.options import RunOptions
from harness.sweep.grid import Capacity, Grid
from harness.sweep.local import display, machine
from harness.sweep.local.display import LiveDisplay, PlainDisplay
from harness.sweep.local.machine import DeviceInfo, Placement

ROW = {
    "epoch": 3,
    "train_loss": 1.5,
    "train_accuracy": 0.5,
    "eval_loss": 1.25,
    "eval_accuracy": 0.6,
    "images_per_second": 1234.0,
}

WORDS = "12 of 160 done, 2 running, 1 failed, 145 pending  2,468 images/s  1:23:45 left"


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainDisplay() as shown:
        reporter = shown.reporter()
        reporter.begin("paper seed 4", 5, 10, [{**ROW, "epoch": n} for n in (1, 2)])
        reporter.batch(3)
        shown.show(13, 160, WORDS, news=False)
        reporter.epoch(ROW)
        reporter.end()
        shown.show(13, 160, WORDS, news=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "paper seed 4: resumes after epoch 2"
    assert lines[1].startswith("paper seed 4: epoch 3/5  loss 1.500 accuracy 50.0%")
    assert lines[2:] == [WORDS]


def test_figures_that_a_run_does_not_have_are_left_out() -> None:
    mixed = {**ROW, "train_accuracy": None}
    assert figures(mixed) == "loss 1.500  eval loss 1.250 accuracy 60.0%  1,234 images/s"
    unseen = {**ROW, "eval_loss": None, "eval_accuracy": None}
    assert figures(unseen) == "loss 1.500 accuracy 50.0%  1,234 images/s"


def test_the_live_display_has_the_grid_and_a_line_for_each_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(record=True, force_terminal=True, width=160)
    monkeypatch.setattr(display, "Progress", partial(Progress, console=console))
    with LiveDisplay() as shown:
        one, other = shown.reporter(), shown.reporter()
        one.begin("paper seed 4", 5, 10, [])
        other.begin("batch_norm seed [4]", 5, 10, [{**ROW, "epoch": n} for n in (1, 2)])
        one.batch(5)
        other.epoch(ROW)
        shown.say("dropout_0 seed 3: accuracy 75.00%")
        shown.show(13, 160, WORDS, news=False)
        grid, first, second = shown._bars.tasks
        assert (grid.completed, grid.total) == (13, 160)
        assert (first.completed, second.completed) == (5, 30)
        shown._bars.refresh()
        other.end()
        assert len(shown._bars.tasks) == 2
        one.end()
        one.end()
    text = console.export_text()
    assert WORDS in text
    assert "paper seed 4  epoch 1/5" in text
    assert "batch_norm seed [4]  epoch 4/5" in text
    assert "loss 1.500 accuracy 50.0%  eval loss 1.250 accuracy 60.0%  1,234 images/s" in text
    assert "dropout_0 seed 3: accuracy 75.00%" in text


def grid(workers: int | None = None, device: str = "auto") -> Grid:
    options = RunOptions(device=device, results=Path("results"))
    return Grid(specs=(), options=options, workers=workers)


CPU, GPU, GPUS = (DeviceInfo("cpu", "a", 1), DeviceInfo("cuda", "b", 1), DeviceInfo("cuda", "b", 3))


def test_one_worker_has_the_whole_cpu_and_several_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(machine, "cores", lambda: 16)
    assert machine.plan_placements(CPU, grid()) == [Placement("cpu")]
    assert machine.plan_placements(CPU, grid(5)) == [Placement("cpu", {"OMP_NUM_THREADS": "3"})] * 5
    assert machine.plan_placements(CPU, grid(99))[0].variables == {"OMP_NUM_THREADS": "1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert machine.plan_placements(CPU, grid(2)) == [Placement("cpu")] * 2


def test_a_number_of_threads_that_is_none_is_not_counted_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 16)
    for text, threads in (("7", 7), ("0", 16), ("many", 16)):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert machine.detect_device("cpu").threads == threads


def test_each_gpu_has_a_worker_and_more_workers_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def visible(workers: int | None) -> list[str]:
        return [
            placement.variables["CUDA_VISIBLE_DEVICES"]
            for placement in machine.plan_placements(GPUS, grid(workers))
        ]

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine.plan_placements(GPU, grid(device="cuda:1")) == [Placement("cuda:1")]
    assert machine.plan_placements(GPU, grid(2, device="cuda:1")) == [Placement("cuda:1")] * 2
    assert visible(None) == ["0", "1", "2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")
    assert visible(2) == ["4", "6"]
    assert visible(4) == ["4", "6", "7", "4"]
    shared = machine.plan_placements(GPUS, grid(6))
    assert machine.capacity(GPUS, shared) == Capacity("b", 6, load=2.0)
