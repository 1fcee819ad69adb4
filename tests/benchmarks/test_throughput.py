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
from harness.protocol.presets import PROTOCOLS
from harness.protocol.spec import PRECISIONS
from harness.training.device import choose_device

from . import roof
from .process import Options, Process, Round

Row = dict[str, Any]


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
    "cpu": Form("CPU (short)", images=640, epoch=1_920, rounds=3),
    "cuda": Form("CUDA", images=51_200, epoch=51_200, rounds=9),
}

KIND = choose_device("auto").type

FORM = FORMS[KIND]

STANDARD = PROTOCOLS["cifar10"].precision

# Shape of what a round of each part returns, given the numbers of images and of those in a batch.
PARTS: dict[str, Callable[[int, int], list[int]]] = {
    "training": lambda n, batch: [],
    "evaluation": lambda n, batch: [n, 10],
    "augmentation": lambda n, batch: [batch, 3, 32, 32],
}


def batch_size(variant: str) -> int:
    """Images of a step."""
    return variants.get(variant).batch_size or PROTOCOLS["cifar10"].batch_size


# What is left out in turn to see what it is worth, on each kind of device.
LEFT_OUT = {
    "cpu": ("determinism", "fused", "channels_last", "kept_memory"),
    "cuda": ("determinism", "fused", "channels_last", "graphs"),
}


@dataclass(frozen=True)
class Roof:
    """What the device reached in this session: FLOP/s by precision, and bytes/s."""

    flops: dict[str, float]
    bytes: float

    def shares(self, variant: str, precision: str, images_per_second: float) -> Row:
        """Training speed as shares of the two rates, and over the floor that they set."""
        batch = batch_size(variant)
        flops, traffic = roof.work_of_a_step(variant, precision, batch)
        steps = images_per_second / batch
        floor = flops / self.flops[precision] + traffic / self.bytes
        return {
            "flops_share": flops * steps / self.flops[precision],
            "bytes_share": traffic * steps / self.bytes,
            "over_floor": 1 / (steps * floor),
        }


@pytest.fixture(scope="module")
def ceiling() -> Roof:
    """The device's rates, measured before the first row."""

    def rate(work: str, precision: str) -> float:
        with Process("roof", {"work": work, "precision": precision}) as process:
            for _ in range(FORM.rounds + 1):
                process()
        return median(done.amount / done.seconds for done in process.rounds[1:])

    return Roof({p: rate("product", p) for p in PRECISIONS}, rate("copy", "fp32"))


@pytest.mark.parametrize("variant", variants.names())
@pytest.mark.parametrize("part", PARTS)
def test_part(
    part: str, variant: str, ceiling: Roof, benchmark: BenchmarkFixture, row: Row
) -> None:
    """Training, evaluation and augmentation of every variant, in the protocol's precision."""
    benchmark.group = part
    options: Options = {"work": part, "variant": variant, "images": FORM.images}
    with Process("ours", {**options, "precision": STANDARD}) as ours:
        benchmark.pedantic(ours, rounds=FORM.rounds, warmup_rounds=1)
    rounds = ours.rounds[1:]
    # Augmentation moves bytes, whatever the network computes in.
    row |= {"precision": "uint8" if part == "augmentation" else STANDARD}
    row |= summary(rounds, FORM.images)
    if part == "training":
        row |= ceiling.shares(variant, STANDARD, row["images_per_second"])
    assert len(rounds) == FORM.rounds
    shape = PARTS[part](FORM.images, batch_size(variant))
    assert all(done.finite and done.shape == shape for done in rounds)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_against_the_usual_way(
    precision: str, ceiling: Roof, benchmark: BenchmarkFixture, row: Row
) -> None:
    """Epochs of `paper`, in turns with the usual way so that both meet the same weather."""
    options: Options = {"precision": precision, "images": FORM.epoch}
    theirs = Process("usual", options)
    _in_turns(theirs, options, "end to end", benchmark, row)
    row |= ceiling.shares("paper", precision, row["images_per_second"])


@pytest.mark.skipif("bf16" not in PRECISIONS, reason="one precision")
def test_bf16_against_the_usual_way_in_fp32(benchmark: BenchmarkFixture, row: Row) -> None:
    """Epochs of `paper` in bf16, in turns with the usual way in fp32."""
    theirs = Process("usual", {"precision": "fp32", "images": FORM.epoch})
    _in_turns(theirs, {"precision": "bf16", "images": FORM.epoch}, "end to end", benchmark, row)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("part", LEFT_OUT[KIND])
def test_worth(part: str, precision: str, benchmark: BenchmarkFixture, row: Row) -> None:
    """Epochs of `paper` in turns with the same without one part; `determinism` costs."""
    options: Options = {"precision": precision, "images": FORM.images}
    theirs = Process("ours", {**options, "without": part})
    _in_turns(theirs, options, "worth", benchmark, row)


def test_cost_of_a_checkpoint(benchmark: BenchmarkFixture, row: Row) -> None:
    """Seconds to write one checkpoint of `paper`, safely on disk; a run does so in a thread."""
    benchmark.group = "checkpoint"
    with Process("ours", {"work": "checkpointing", "images": batch_size("paper")}) as ours:
        benchmark.pedantic(ours, rounds=FORM.rounds, warmup_rounds=1)
    rounds = ours.rounds[1:]
    row |= {"form": FORM.name, "device": rounds[-1].device}
    row |= {"seconds": median(done.seconds for done in rounds)}
    assert all(done.finite for done in rounds)


def _in_turns(
    theirs: Process,
    options: Options,
    group: str,
    benchmark: BenchmarkFixture,
    row: Row,
) -> None:
    """Rounds of the harness's training in turns with those of a counterpart; fills the row."""
    benchmark.group = group
    images = int(options["images"])
    with theirs, Process("ours", options) as ours:
        benchmark.pedantic(ours, setup=theirs, rounds=FORM.rounds, warmup_rounds=1)
    rounds, against = ours.rounds[1:], theirs.rounds[1:]
    other = summary(against, images)
    row |= {"precision": options["precision"], **summary(rounds, images)}
    row |= {
        "against_images_per_second": other["images_per_second"],
        "against_peak_memory_mib": other["peak_memory_mib"],
        "against_seconds": [done.seconds for done in against],
        "ratio": row["images_per_second"] / other["images_per_second"],
    }
    assert len(rounds) == len(against) == FORM.rounds
    assert all(done.finite and done.shape == [] for done in rounds + against)


def summary(rounds: list[Round], images: int) -> Row:
    """What every row says of its rounds."""
    return {
        "form": FORM.name,
        "images": images,
        "images_per_second": images / median(done.seconds for done in rounds),
        "peak_memory_mib": rounds[-1].peak_memory / 2**20,
        "device": rounds[-1].device,
    }
