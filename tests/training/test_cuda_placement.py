"""A step on a GPU without a GPU: torch's fake tensors know devices, shapes and types, not values.

A tensor on the wrong device, and anything that would wait for the device, is an error there. What
cannot run without a driver has a stand-in, as small as it can be: CUDA's generator, the engine
that calls the functions of a backward pass, and the fused SGD kernel, which has no fake form.
Initial weights are left out, since a fake network has none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import variants
from harness.data.dataset import Dataset, Split
from harness.protocol.spec import Protocol
from harness.training import metrics, mixing
from harness.training import trainer as training_trainer
from harness.training.trainer import Trainer
from variants import network

# Operations that PyTorch lists as not deterministic on CUDA: in training, or, with
# `torch.use_deterministic_algorithms`, an error. Those of other layouts and types are left out.
NOT_DETERMINISTIC = {
    "avg_pool3d_backward",
    "adaptive_max_pool2d_backward",
    "bincount",
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "fractional_max_pool2d_backward",
    "grid_sampler_2d_backward",
    "histc",
    "max_pool3d_with_indices_backward",
    "max_unpool2d",
    "median",
    "nll_loss2d_forward",
    "put_",
    "reflection_pad2d_backward",
    "replication_pad2d_backward",
    "scatter_reduce",
    "upsample_bilinear2d_backward",
}


class OnACudaDevice(FakeTensorMode):
    """Fake tensors that never ask for a driver."""

    avoid_device_init = True


class OnlyCuda(TorchDispatchMode):
    """Refuses an operation that sees the CPU, and one whose result can differ from run to run.

    Torch itself lets a tensor without dimensions be on the CPU. A CUDA graph would keep its value.
    """

    def __torch_dispatch__(
        self, op: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = op.overloadpacket.__name__
        assert name not in NOT_DETERMINISTIC, name
        result = op(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, result)):
            assert not isinstance(leaf, Tensor) or leaf.device.type == "cuda", f"{name} on the CPU"
        return result


class Generator(torch.Generator):
    """Replaces CUDA's generator, which needs a driver."""

    def __new__(cls, device: object = "cpu") -> Generator:
        return super().__new__(cls, "cpu")


@torch.no_grad()
def backward(loss: Tensor) -> None:
    """Replaces autograd's engine, which looks for a driver: calls each function of a backward
    pass after all those that it has gradients from."""
    order: dict[Any, None] = {}

    def visit(function: Any) -> None:
        if function is not None and function not in order:
            for other, _ in function.next_functions:
                visit(other)
            order[function] = None

    visit(loss.grad_fn)
    gradients: dict[Any, dict[int, Tensor]] = {loss.grad_fn: {0: torch.ones_like(loss)}}
    for function in reversed(order):
        inputs = function._input_metadata
        received = gradients.pop(function)
        sent = function(*[received.get(i) for i in range(len(inputs))])
        results = sent if isinstance(sent, tuple) else (sent,)
        for (other, i), result in zip(function.next_functions, results, strict=True):
            if other is None or result is None:
                continue
            expected, sums = other._input_metadata[i], gradients.setdefault(other, {})
            gradient = result.sum_to_size(expected.shape).to(expected.dtype)
            sums[i] = sums[i] + gradient if i in sums else gradient


def fused_sgd(
    parameters: list[Tensor],
    gradients: list[Tensor],
    momenta: list[Tensor],
    *,
    lr: Tensor,
    momentum: float,
    weight_decay: float,
    **_: object,
) -> None:
    """Replaces `torch._fused_sgd_`, which refuses gradients and momenta of other strides."""
    for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        assert gradient.stride() == parameter.stride()
        step = gradient + weight_decay * parameter
        if momenta:
            assert momenta[i].stride() == parameter.stride()
            step = momenta[i].mul_(momentum).add_(step)
        parameter.sub_(lr * step)


Make = Callable[..., Trainer]


@pytest.fixture
def make(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A trainer on a GPU that is not there, whose steps are under `OnlyCuda`."""
    with OnACudaDevice(allow_non_fake_inputs=True):
        monkeypatch.setattr(torch, "Generator", Generator)
        monkeypatch.setattr(torch.Tensor, "backward", backward)
        monkeypatch.setattr(torch, "_fused_sgd_", fused_sgd)
        monkeypatch.setattr(network, "initialize", lambda *_: None)
        monkeypatch.setattr(training_trainer, "build", _real)
        for asked in ("is_available", "is_bf16_supported"):  # by autocast
            monkeypatch.setattr(torch.cuda, asked, lambda: True)

        def trainer(name: str, precision: str = "bf16") -> Trainer:
            applied = dataclasses.replace(protocol, precision=precision)
            trainer = Trainer(variants.get(name), applied, 0, _on_cuda(), graphs=False)
            vars(trainer)["_steps"] = {
                size: _only_cuda(step) for size, step in trainer._steps.items()
            }
            return trainer

        yield trainer


def _real(*arguments: Any) -> network.AlexNet:
    """The network on the CPU, as in a run: `Module.to_empty` does not work on fake tensors."""
    with unset_fake_temporarily():
        return network.build(*arguments)


def _on_cuda() -> Dataset:
    """33 training images, so that the last batch has one, and 520 (two batches) to evaluate on."""

    def split(n: int) -> Split:
        images = torch.zeros(n, 32, 32, 3, dtype=torch.uint8, device="cuda")
        return Split(images, torch.zeros(n, dtype=torch.int64, device="cuda"))

    data = Dataset("digits", "fake", tuple("0123456789"), split(33), split(520), "")
    # Read from values, which fake images do not have.
    vars(data)["channel_statistics"] = ([125.0] * 3, [63.0] * 3)
    return data


def _only_cuda(step: Callable[[], None]) -> Callable[[], None]:
    def guarded() -> None:
        with OnlyCuda():
            step()

    return guarded


def train_and_evaluate(trainer: Trainer) -> None:
    """An epoch and an evaluation, each up to where the host waits for its figures."""
    done: list[int] = []
    with pytest.raises(DataDependentOutputException):
        trainer.train_epoch(done.append)
    assert len(done) == len(trainer.batch_sizes)
    with OnlyCuda():
        logits = trainer.predict()
    assert (logits.device.type, logits.shape) == ("cuda", (520, 10))
    with OnlyCuda(), pytest.raises(DataDependentOutputException):
        metrics.loss_and_accuracy(logits, trainer.data.test.labels)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *((name, "bf16") for name in variants.names()),
        *((name, "fp32") for name in ("paper", "batch_norm", "cutmix", "krizhevsky_2012")),
    ],
)
def test_training_and_evaluation_stay_on_the_gpu(name: str, precision: str, make: Make) -> None:
    train_and_evaluate(make(name, precision))


# Tensors of a trainer, each to be put on the CPU in turn; some have no dimensions.
MISPLACED = {
    "mean": lambda trainer: (trainer._normalize, "mean"),
    "images": lambda trainer: (trainer._images, "padded"),
    "offsets": lambda trainer: (trainer, "_batch_offsets"),
    "position": lambda trainer: (trainer, "_position"),
    "learning rate": lambda trainer: (trainer, "_lr"),
    "totals": lambda trainer: (trainer, "_totals"),
}


@pytest.mark.parametrize("misplaced", MISPLACED)
def test_a_tensor_on_the_cpu_shows(misplaced: str, make: Make) -> None:
    trainer = make("paper")
    owner, name = MISPLACED[misplaced](trainer)
    setattr(owner, name, getattr(owner, name).to("cpu"))
    with pytest.raises((RuntimeError, AssertionError), match=r"devices|on the CPU"):
        train_and_evaluate(trainer)


def test_a_mask_of_cutmix_on_the_cpu_shows(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make("cutmix")
    on_the_cpu = SimpleNamespace(
        **{**vars(torch), "arange": lambda n, device: torch.arange(n, device="cpu")}
    )
    monkeypatch.setattr(mixing, "torch", on_the_cpu)
    with pytest.raises((RuntimeError, AssertionError), match=r"devices|on the CPU"):
        train_and_evaluate(trainer)


def test_an_index_that_the_host_reads_shows(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mixing.MixParams, "of_batch", lambda params, batch: (params.weight[batch], params.box[0])
    )
    with pytest.raises(AssertionError):  # in the first step
        train_and_evaluate(make("mixup"))


def test_a_backward_pass_that_is_not_deterministic_shows(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_torch(layer: network.LocalResponseNorm, x: Tensor) -> Tensor:
        return torch.nn.functional.local_response_norm(x, layer.size, k=layer.k)

    monkeypatch.setattr(network.LocalResponseNorm, "forward", by_torch)
    with pytest.raises(AssertionError, match="avg_pool3d_backward"):
        train_and_evaluate(make("lrn"))
