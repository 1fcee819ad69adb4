"""Captured steps equal eager steps."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import variants
from harness.data.dataset import Dataset
from harness.protocol.spec import PRECISIONS, Protocol
from harness.training import trainer as training_trainer
from harness.training.runner import weights_sha256
from harness.training.trainer import Trainer
from tests.helpers.paths import ROOT

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]

Make = Callable[..., Trainer]


@pytest.fixture
def make(data: Dataset, protocol: Protocol) -> Make:
    """A trainer on the small data."""

    def trainer(
        name: str = "paper",
        device: str = "cuda",
        seed: int = 0,
        precision: str | None = None,
        graphs: bool | None = None,
    ) -> Trainer:
        # A CPU without units for bf16 takes twenty times as long for it.
        chosen = precision or ("fp32" if device == "cpu" else "bf16")
        applied = dataclasses.replace(protocol, precision=chosen, epochs=3)
        on_device = data.to(torch.device(device))
        return Trainer(variants.get(name), applied, seed, on_device, graphs=graphs)

    return trainer


def bits(trainer: Trainer) -> str:
    return weights_sha256({k: v.cpu() for k, v in trainer.model.state_dict().items()})


def trained(trainer: Trainer, epochs: int = 2) -> tuple[str, list[float], torch.Tensor]:
    """Weights, losses and logits after some epochs."""
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


class Recording(TorchDispatchMode):
    """The operations of a step with their tensors, to be repeated on the same tensors.

    What a CUDA graph does, on a CPU: a Python number of the recorded step stays as it was, and a
    tensor that has another address in a later step is not the one that is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, ...]] = []

    def __torch_dispatch__(
        self, op: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = op(*args, **(kwargs or {}))
        self._calls.append((op, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Repeat every operation; results take the place of those recorded."""
        for op, args, kwargs, result in self._calls:
            for old, new in zip(*map(tree_leaves, (result, op(*args, **kwargs))), strict=True):
                # A view, or a tensor changed in place, is there already.
                if isinstance(old, torch.Tensor) and new.data_ptr() != old.data_ptr():
                    old.copy_(new)


def record_on_cpu(
    step: Callable[[], None], state: Sequence[torch.Tensor], generator: Any = None
) -> Callable[[], None]:
    """What `capture_graph` does on a GPU."""
    before = [tensor.clone() for tensor in state]
    with Recording() as recording:
        step()
    for tensor, value in zip(state, before, strict=True):
        tensor.copy_(value)
    return recording.replay


# Those that differ from these in a number alone would only take time.
NUMBERS_ALONE = {"no_lr_decay", "baseline", "dropout_25", "dropout_75", "low_lr"}


@pytest.mark.parametrize("name", [n for n in variants.names() if n not in NUMBERS_ALONE])
def test_a_recorded_step_can_be_repeated_on_the_same_tensors(
    name: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_trainer, "capture_graph", record_on_cpu)
    eager, recorded = (trained(make(name, "cpu", graphs=graphs)) for graphs in (False, True))
    assert recorded[:2] == eager[:2]
    assert torch.equal(recorded[2], eager[2])


def test_a_number_that_changes_between_steps_shows_in_a_recording(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_trainer, "capture_graph", record_on_cpu)

    eager, recorded = (make("paper", "cpu", graphs=graphs) for graphs in (False, True))
    for trainer in (eager, recorded):
        trainer.train_epoch()
        trainer.recipe = dataclasses.replace(trainer.recipe, weight_decay=0.1)
        trainer.train_epoch()
    assert bits(recorded) != bits(eager)


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
def test_full_batches_are_evaluated_by_a_graph_with_the_bits_of_eager_ones(make: Make) -> None:
    images = torch.randint(0, 256, (1200, 32, 32, 3), dtype=torch.uint8, device="cuda")
    trainers = [make(graphs=graphs) for graphs in (True, False)]
    for trainer in trainers:
        test = dataclasses.replace(trainer.data.test, images=images)
        trainer.data = dataclasses.replace(trainer.data, test=test)
    first, second = (trainer.predict() for trainer in trainers)
    assert torch.equal(first, second)


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
    # In a separate process: torch may be unusable after a failed capture.
    script = (
        "import torch; from harness.training.cuda_graph import capture_graph;"
        "x = torch.ones(1, device='cuda');"
        "capture_graph(lambda: print(x.item()), [])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "InputError: no CUDA graph can be made of a step here" in done.stderr


@pytest.mark.gpu
@pytest.mark.parametrize("name", variants.names())
def test_nothing_in_a_step_waits_for_the_gpu(name: str, make: Make) -> None:
    trainer = make(name, graphs=False)
    trainer.train_epoch()
    steps = trainer._steps
    trainer._begin_epoch()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for size in trainer.batch_sizes:
            steps[size]()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["batch_norm", "geometric", "cutmix"])
def test_a_step_leaves_every_tensor_where_it_is(name: str, make: Make) -> None:
    """What a graph would replay: the addresses of the first step are those of all others."""

    def addresses() -> list[int]:
        params = trainer._params
        fixed = [*trainer.model.state_dict().values(), *trainer._momentum, trainer._position]
        fixed += [trainer._totals, trainer._lr, trainer._batch_offsets, params.order]
        fixed += [*vars(params.augment).values(), *vars(params.mix).values()]
        return [tensor.data_ptr() for tensor in fixed]

    trainer = make(name, "cpu")
    before = addresses()
    trainer.train_epoch()
    trainer.restore(trainer.state())
    trainer.train_epoch()
    assert addresses() == before


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
