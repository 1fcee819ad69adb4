"""Record a step as a CUDA graph and replay it by a single launch.

Launching the hundred kernels of a training step one by one takes the host longer than the
GPU needs to run them. A graph repeats the same kernels on the same addresses, so what changes
between steps must be in tensors whose addresses do not change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from harness.errors import InputError

# cuBLAS, cuDNN and autograd initialize themselves in a first step and may not do so in a capture;
# PyTorch's own helper warms up as often.
WARM_UP = 3

# Runs that share a process capture one after the other: warm-up synchronizes the device, which
# breaks a capture in progress.
_capturing = threading.Lock()


def capture_graph(
    step: Callable[[], None], state: Sequence[Tensor], generator: torch.Generator | None = None
) -> Callable[[], None]:
    """Record `step` as a CUDA graph and return a function that replays it.

    The weights and everything else in `state` are unchanged when this returns. The generator is
    not: seed it before the first replay. A replay draws from the generator as `step` does.

    Args:
        step: uses CUDA tensors only, never waits for the device, and writes its results to
            tensors that exist before it is called.
        state: every tensor that `step` changes.
        generator: source of the random numbers of `step`.

    Raises:
        InputError: if something in `step` cannot be captured.
        torch.OutOfMemoryError: if the GPU's memory does not hold it.
    """
    # Every run has a stream, and with it cuBLAS workspaces, of its own; the default stream
    # cannot be captured.
    current = torch.cuda.current_stream()
    default = current == torch.cuda.default_stream()
    stream = torch.cuda.Stream() if default else current  # type: ignore[no-untyped-call]
    with _capturing:
        before = [tensor.clone() for tensor in state]
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                step()
                for tensor, value in zip(state, before, strict=True):
                    tensor.copy_(value)
        current.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        if generator is not None:
            graph.register_generator_state(generator)
        try:
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                step()
        except RuntimeError as error:
            raise _explained(error) from error
    return graph.replay


def _explained(error: BaseException) -> Exception:
    """Find the cause of a failed capture, which its end can hide."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    reason = str(error).splitlines()[0]
    if isinstance(error, torch.OutOfMemoryError) or "out of memory" in reason:
        return torch.OutOfMemoryError(reason)
    return InputError(f"no CUDA graph can be made of a step here ({reason}): add --eager.")
