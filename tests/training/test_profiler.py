"""Profiling of a run: parts, operations and trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import variants
from harness.data.dataset import Dataset
from harness.protocol.spec import Protocol
from harness.runs.spec import RunSpec
from harness.training import profiler
from harness.training.trainer import Trainer


def test_the_parts_of_a_run_are_measured_and_traced(
    data: Dataset, protocol: Protocol, tmp_path: Path
) -> None:
    spec = RunSpec(variants.get("paper"), 0, protocol, {}, tmp_path)
    profile = profiler.measure(spec, data, 3.0)
    parts = ["start-up", "augmentation", "forward", "backward", "optimizer", "evaluation"]
    assert list(profile.parts) == parts
    assert all(seconds > 0 for seconds in profile.parts.values())
    assert profile.images_per_second > 0
    assert "convolution" in profile.costs
    names = {event.get("name") for event in json.loads(profile.trace.read_text())["traceEvents"]}
    assert {"augmentation", "forward", "backward", "optimizer"} <= names
    assert [path.name for path in tmp_path.rglob("*.*")] == [profiler.TRACE]


def test_a_run_of_more_epochs_has_more_of_each_part_but_start_up(
    data: Dataset, protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every clock tick counts one: the result is how often each part is counted.
    ticks = iter(range(10**6))
    monkeypatch.setattr(profiler.time, "perf_counter", lambda: next(ticks))
    monkeypatch.setattr(profiler, "_traced", lambda spec, few: ("", tmp_path))
    spec = RunSpec(variants.get("paper"), 0, protocol, {}, tmp_path)
    parts = profiler.measure(spec, data, 3.0).parts
    steps = len(Trainer(spec.variant, protocol, 0, data).batch_sizes)
    assert parts["forward"] == steps * protocol.epochs
    assert parts["evaluation"] == protocol.epochs + 1
