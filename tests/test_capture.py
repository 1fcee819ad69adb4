"""A captured step does what the eager one does; runs in one process leave each other alone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.protocol.spec import PRECISIONS, Protocol
from harness.training.device import own_stream
from harness.training.runner import weights_sha256
from harness.training.trainer import Trainer
from tests.conftest import ROOT

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]

Make = Callable[..., Trainer]


@pytest.fixture
def make(data: Dataset, protocol: Protocol) -> Make:
    """A trainer on the small data."""

    def trainer(
        name: str = "paper",
        device: str = "cuda",
        seed: int = 0,
        precision: str = "bf16",
        graphs: bool | None = None,
    ) -> Trainer:
        applied = dataclasses.replace(protocol, precision=precision, epochs=3)
        there = data.to(torch.device(device))
        return Trainer(variants.get(name), applied, seed, there, graphs=graphs)

    return trainer


def bits(trainer: Trainer) -> str:
    return weights_sha256({k: v.cpu() for k, v in trainer.model.state_dict().items()})


def trained(trainer: Trainer, epochs: int = 2) -> tuple[str, list[float], torch.Tensor]:
    """Weights, losses and logits after some epochs."""
    with own_stream(trainer.device):
        losses = [trainer.train_epoch()["train_loss"] for _ in range(epochs)]
        return bits(trainer), losses, trainer.predict().cpu()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", variants.names())
def test_a_graph_gives_the_bits_of_eager_steps(name: str, precision: str, make: Make) -> None:
    eager = trained(make(name, precision=precision, graphs=False))
    graph = trained(make(name, precision=precision, graphs=True))
    assert graph[:2] == eager[:2]
    assert torch.equal(graph[2], eager[2])


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["paper", "batch_norm"])
def test_capturing_changes_neither_weights_nor_momentum(name: str, make: Make) -> None:
    trainer = make(name)
    before = bits(trainer)
    trainer.model.train()
    assert trainer._steps
    assert bits(trainer) == before
    assert all(not momentum.any() for momentum in trainer._momentum)
    assert trainer._position.item() == 0


@pytest.mark.gpu
def test_full_batches_are_judged_by_a_graph_with_the_bits_of_eager_ones(make: Make) -> None:
    images = torch.randint(0, 256, (1200, 32, 32, 3), dtype=torch.uint8, device="cuda")
    trainers = [make(graphs=graphs) for graphs in (True, False)]
    for trainer in trainers:
        test = dataclasses.replace(trainer.data.test, images=images)
        trainer.data = dataclasses.replace(trainer.data, test=test)
    one, other = (trainer.predict() for trainer in trainers)
    assert torch.equal(one, other)


@pytest.mark.gpu
def test_a_restored_run_goes_on_in_its_graph(make: Make) -> None:
    whole, cut, again = (make("batch_norm") for _ in range(3))
    wanted = trained(whole, 3)
    trained(cut, 1)
    again.train_epoch()  # so that its graph is captured before, on other weights
    again.restore(cut.state())
    assert trained(again, 2)[0] == wanted[0]


@pytest.mark.gpu
def test_what_cannot_be_captured_is_said_in_one_line() -> None:
    # In a process of its own: torch need not be whole after a broken capture.
    script = (
        "import torch; from harness.training.cuda_graph import capture;"
        "x = torch.ones(1, device='cuda');"
        "capture(lambda: print(x.item()), [])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "InputError: no CUDA graph can be made of a step here" in done.stderr


@pytest.mark.gpu
def test_nothing_in_a_step_waits_for_the_gpu(make: Make) -> None:
    trainer = make("batch_norm", graphs=False)
    trainer.train_epoch()
    steps = trainer._steps
    trainer._begin_epoch()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for size in trainer.batch_sizes:
            steps[size]()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("device", DEVICES)
def test_runs_in_threads_have_the_bits_that_they_have_alone(device: str, make: Make) -> None:
    jobs = [("paper", 0), ("batch_norm", 0), ("paper", 1)]
    alone = [trained(make(name, device, seed))[:2] for name, seed in jobs]
    with ThreadPoolExecutor(len(jobs)) as pool:
        together = list(pool.map(lambda job: trained(make(job[0], device, job[1]))[:2], jobs))
    assert together == alone


def test_a_step_leaves_every_tensor_where_it_is(make: Make) -> None:
    """What a graph would replay: the addresses of the first step are those of all others."""
    trainer = make("batch_norm", "cpu")
    fixed = [*trainer.model.state_dict().values(), *trainer._momentum, trainer._position]
    fixed += [trainer._totals, trainer._order, trainer._rate]
    fixed += [trainer._draws.crop, trainer._draws.mirror]
    before = [tensor.data_ptr() for tensor in fixed]
    trainer.train_epoch()
    trainer.restore(trainer.state())
    trainer.train_epoch()
    after = [*trainer.model.state_dict().values(), *trainer._momentum, trainer._position]
    after += [trainer._totals, trainer._order, trainer._rate]
    after += [trainer._draws.crop, trainer._draws.mirror]
    assert [tensor.data_ptr() for tensor in after] == before


def test_an_epoch_asks_for_a_value_only_at_its_end(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU each such question would stop the host until the device has caught up."""
    trainer = make("paper", "cpu")
    steps = len(trainer.batch_sizes)
    asked: list[str] = []
    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "nonzero"):
        real = getattr(torch.Tensor, name)

        def spy(self: torch.Tensor, *a: object, _real: Callable = real, _n: str = name) -> object:
            asked.append(_n)
            return _real(self, *a)

        monkeypatch.setattr(torch.Tensor, name, spy)
    trainer.train_epoch(lambda done: asked.append("step"))
    assert asked == ["step"] * steps + ["tolist"]
