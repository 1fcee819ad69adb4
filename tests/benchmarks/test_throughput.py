"""How fast the harness is, part by part and against the usual way. Nothing here asserts speed.

    pytest --benchmark-only

Each round is one pass over synthetic images in a process of its own (see `process`).
Measure on an idle machine: one other busy process makes augmentation on two cores ten
times slower, because the threads of a short operation wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import variants
from harness.device import choose_device
from harness.protocol import PRECISIONS
from harness.protocols import PROTOCOLS

from .process import Options, Process, Round


@dataclass(frozen=True)
class Form:
    """How much is measured on one kind of device.

    Attributes:
        name: for people.
        images: of a round of one part of the harness.
        epoch: images of a round against the usual way: so many that the DataLoader's pause
            between two epochs hardly counts.
        rounds: timed, after one that is not.
    """

    name: str
    images: int
    epoch: int
    rounds: int


FORMS = {
    "cpu": Form("CPU", images=1_280, epoch=2_560, rounds=5),
    "cuda": Form("CUDA", images=51_200, epoch=51_200, rounds=9),
}
BATCH = PROTOCOLS["cifar10"].batch_size
# Shape of what a round of each part returns, given the number of images.
PARTS: dict[str, Callable[[int], list[int]]] = {
    "training": lambda n: [],
    "evaluation": lambda n: [n, 10],
    "augmentation": lambda n: [BATCH, 3, 32, 32],
}


@pytest.fixture(scope="module")
def form() -> Form:
    """The sizes for the device that the harness would choose."""
    return FORMS[choose_device("auto").type]


@pytest.mark.parametrize("variant", variants.names())
@pytest.mark.parametrize("part", PARTS)
def test_part(
    part: str, variant: str, form: Form, benchmark: BenchmarkFixture, row: dict[str, Any]
) -> None:
    """Training, evaluation and augmentation of every variant, in the protocol's precision."""
    benchmark.group = part
    precision = PROTOCOLS["cifar10"].precision
    options: Options = {
        "work": part,
        "variant": variant,
        "precision": precision,
        "images": form.images,
    }
    with Process("ours", options) as ours:
        benchmark.pedantic(ours, rounds=form.rounds, warmup_rounds=1)
    rounds = ours.rounds[1:]
    # Augmentation moves bytes, whatever the network computes in.
    row |= {"precision": "uint8" if part == "augmentation" else precision}
    row |= {"form": form.name, **summary(rounds, form.images)}
    assert len(rounds) == form.rounds
    assert all(done.finite and done.shape == PARTS[part](form.images) for done in rounds)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_against_the_usual_way(
    precision: str, form: Form, benchmark: BenchmarkFixture, row: dict[str, Any]
) -> None:
    """Epochs of `paper`, in turns with the usual way so that both meet the same weather."""
    benchmark.group = "end to end"
    options: Options = {"precision": precision, "images": form.epoch}
    with Process("usual", options) as usual, Process("ours", options) as ours:
        benchmark.pedantic(ours, setup=usual, rounds=form.rounds, warmup_rounds=1)
    theirs, rounds = usual.rounds[1:], ours.rounds[1:]
    against = summary(theirs, form.epoch)
    row |= {"form": form.name, "precision": precision, **summary(rounds, form.epoch)}
    row |= {
        "usual_images_per_second": against["images_per_second"],
        "usual_peak_memory_mib": against["peak_memory_mib"],
        "usual_seconds": [done.seconds for done in theirs],
        "ratio": row["images_per_second"] / against["images_per_second"],
    }
    assert len(rounds) == len(theirs) == form.rounds
    assert all(done.finite and done.shape == [] for done in rounds + theirs)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_cost_of_strict_determinism(
    precision: str, form: Form, benchmark: BenchmarkFixture, row: dict[str, Any]
) -> None:
    """Epochs of `paper` in turns with the same where torch may choose other algorithms."""
    benchmark.group = "costs"
    options: Options = {"precision": precision, "images": form.images}
    loose = Process("ours", {**options, "switches": "loose"})
    with loose, Process("ours", options) as strict:
        benchmark.pedantic(strict, setup=loose, rounds=form.rounds, warmup_rounds=1)
    rounds, against = strict.rounds[1:], summary(loose.rounds[1:], form.images)
    row |= {"form": form.name, "precision": precision, **summary(rounds, form.images)}
    row |= {
        "loose_images_per_second": against["images_per_second"],
        "ratio": row["images_per_second"] / against["images_per_second"],
    }
    assert all(done.finite for done in rounds)


def test_cost_of_a_checkpoint(form: Form, benchmark: BenchmarkFixture, row: dict[str, Any]) -> None:
    """Seconds to write one checkpoint of `paper`, safely on disk."""
    benchmark.group = "costs"
    with Process("ours", {"work": "checkpointing", "images": BATCH}) as ours:
        benchmark.pedantic(ours, rounds=form.rounds, warmup_rounds=1)
    rounds = ours.rounds[1:]
    row |= {"form": form.name, "device": rounds[-1].device}
    row |= {"seconds": median(done.seconds for done in rounds)}
    assert all(done.finite for done in rounds)


def summary(rounds: list[Round], images: int) -> dict[str, Any]:
    """What every row says of its rounds."""
    return {
        "images": images,
        "images_per_second": images / median(done.seconds for done in rounds),
        "peak_memory_mib": rounds[-1].peak_memory / 2**20,
        "device": rounds[-1].device,
    }
