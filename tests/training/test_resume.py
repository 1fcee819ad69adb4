"""An interrupted run resumes from its checkpoint and ends with the same bits."""

from __future__ import annotations

import dataclasses
import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import variants
from harness.errors import InputError
from harness.progress import Reporter, Row
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.runs.store import CHECKPOINTS
from harness.training import checkpoint, sources

Train = Callable[..., RunRecord]


class CutOff(Reporter):
    """Interrupts a run after its first epoch."""

    def epoch(self, row: Row) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", variants.names())
def test_every_variant_resumes_with_the_same_bits(
    name: str, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(name, decay_at=(0.5,), results="cut off", reporter=CutOff())
    # Nothing else needs a checkpoint, and writing it takes longer than these epochs.
    monkeypatch.setattr(checkpoint.Writer, "offer", lambda writer, state: None)
    resumed = train(name, decay_at=(0.5,), results="cut off")
    whole = train(name, decay_at=(0.5,), results="whole")
    assert resumed.resumed_at == [1]
    timed = {"resumed_at": True, "train_seconds": True}
    rows = {"history": {"__all__": {"seconds", "images_per_second"}}}
    assert resumed.model_dump(exclude=timed | rows) == whole.model_dump(exclude=timed | rows)


class Interrupt(Reporter):
    """Interrupts a run as Ctrl-C would, in the batch after `epochs` epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def epoch(self, row: Any) -> None:
        self.left -= 1

    def batch(self, done: int) -> None:
        if self.left == 0:
            raise KeyboardInterrupt


class Count(Reporter):
    """Counts the epochs that were trained."""

    def __init__(self) -> None:
        self.epochs = 0

    def epoch(self, row: Any) -> None:
        self.epochs += 1


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("name", ["paper", "batch_norm"])
def test_a_run_that_was_cut_off_ends_with_the_same_bits(
    name: str, epochs: int, train: Train
) -> None:
    whole = train(name, epochs=3, decay_at=(0.5,), results="whole")
    with pytest.raises(KeyboardInterrupt):
        train(name, epochs=3, decay_at=(0.5,), results="cut", reporter=Interrupt(epochs))
    count = Count()
    resumed = train(name, epochs=3, decay_at=(0.5,), results="cut", reporter=count)
    assert resumed.resumed_at == [epochs]
    assert count.epochs == 3 - epochs
    assert resumed.weights_sha256 == whole.weights_sha256
    assert resumed.predictions_sha256 == whole.predictions_sha256
    assert _without_times(resumed) == _without_times(whole)


# What a run that has not begun has in each field of its state, given the one it has later.
FRESH: dict[str, Callable[[Any], Any]] = {
    "model": lambda model: {k: torch.full_like(v, 0.01) for k, v in model.items()},
    "momentum": lambda momentum: [torch.zeros_like(m) for m in momentum],
    "epoch": lambda epoch: 0,
    "history": lambda history: [],
    "resumed_at": lambda resumed_at: [],
}


@pytest.mark.parametrize("lost", FRESH)
def test_a_field_left_out_of_a_checkpoint_shows(lost: str, train: Train, tmp_path: Path) -> None:
    def cut_twice(results: str) -> Path:
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train("batch_norm", epochs=4, results=results, reporter=Interrupt(1))
        return next((tmp_path / results).rglob(CHECKPOINTS))

    cut_twice("whole")
    whole = train("batch_norm", epochs=4, results="whole")
    folder = cut_twice("lossy")
    (newest,) = folder.glob("epoch-00002-*.pt")
    content = torch.load(newest, weights_only=True)
    assert set(content["state"]) == set(FRESH)
    shutil.rmtree(folder)
    fresh = FRESH[lost](content["state"][lost])
    checkpoint.save(folder.parent, content["identity"], {**content["state"], lost: fresh})
    lossy = train("batch_norm", epochs=4, results="lossy")
    assert whole.resumed_at == [1, 2]
    seen = [
        (r.weights_sha256, r.resumed_at, [row.epoch for row in r.history]) for r in (whole, lossy)
    ]
    assert seen[0] != seen[1]


def test_an_interrupted_run_loses_no_finished_epoch(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MIN_INTERVAL_SECONDS", 3600.0)  # epochs far shorter than that
    with pytest.raises(KeyboardInterrupt):
        train(epochs=4, reporter=Interrupt(3))
    resumed = train(epochs=4)
    assert resumed.resumed_at == [3]
    # Saved after a step of the next epoch, but as it was at the end of the third.
    assert resumed.weights_sha256 == train(epochs=4, results="whole").weights_sha256


def other_variant(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    changed = dataclasses.replace(variants.get("paper"), dropout=0.25)
    patch.setattr(variants, "get", lambda name: changed)
    return {}


def other_protocol(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"learning_rate": 0.02}  # not part of the folder's name


def other_data(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(RunSpec, "identity", functools.partialmethod(_with_data, RunSpec.identity))
    return {}


def _with_data(spec: RunSpec, identity: Callable[..., dict[str, Any]], data: str) -> Any:
    return identity(spec, "f" * len(data))


def other_sources(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(sources, "sources_sha256", lambda: "0" * 64)
    return {}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (other_variant, r"settings\.dropout was 0\.5 and is 0\.25"),
        (other_protocol, r"protocol\.learning_rate was 0\.01 and is 0\.02"),
        (other_data, r"data was \w+ and is f+"),
        (other_sources, r"sources was \w+ and is 0+"),
    ],
)
def test_a_run_does_not_resume_as_another_and_says_what_changed(
    change: Callable[[pytest.MonkeyPatch], dict[str, Any]], named: str, train: Train
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(epochs=3, reporter=Interrupt(1))
    with pytest.MonkeyPatch.context() as patch:
        changed = change(patch)
        with pytest.raises(InputError, match=f"cannot resume, since .*{named}"):
            train(epochs=3, **changed)
    assert train(epochs=3).resumed_at == [1]


def _without_times(record: RunRecord) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"seconds", "images_per_second"}) for row in record.history]
