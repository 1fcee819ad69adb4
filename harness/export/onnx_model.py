"""Export a stored network to ONNX: pixels in, logits and probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping

import onnx
import torch
from torch import Tensor, nn

from harness.export.finished_run import FinishedRun
from harness.export.stored_network import Classifier

INPUT = "images"

OUTPUTS = ("logits", "probabilities")

# Fixed, so that another version of torch exports the same operators.
_OPSET = 20

_SIDE, _CHANNELS = 32, 3


class _WithProbabilities(nn.Module):
    """A classifier that returns logits and probabilities."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map uint8 [N, H, W, 3] to logits and probabilities, float32 [N, classes]."""
        logits = self.classifier(images)
        return logits, logits.softmax(1)


def to_onnx(run: FinishedRun, classifier: Classifier) -> onnx.ModelProto:
    """Convert a network with its normalization to ONNX, in float32.

    Args:
        run: the run; the model's metadata describe it.
        classifier: its network, on the CPU.

    Returns:
        A model with the input `images`, uint8 [N, 32, 32, 3] for any N, and the outputs `logits`
        and `probabilities`, float32 [N, classes]. It contains the weights.
    """
    # Two images: torch.export treats a size of 1 as fixed.
    example = torch.zeros(2, _SIDE, _SIDE, _CHANNELS, dtype=torch.uint8)
    program = torch.onnx.export(
        _WithProbabilities(classifier).eval(),
        (example,),
        input_names=[INPUT],
        output_names=list(OUTPUTS),
        dynamic_shapes=({0: "batch"},),
        opset_version=_OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # it is None only if a file is given
    model: onnx.ModelProto = program.model_proto
    _remove_traces(model.graph)
    model.graph.name = run.record.variant
    onnx.helper.set_model_props(model, dict(_metadata(run)))
    onnx.checker.check_model(model, full_check=True)
    return model


def _remove_traces(graph: onnx.GraphProto) -> None:
    """Remove what the exporter notes of each value: stack traces with paths of this machine."""
    values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for item in (graph, *graph.node, *values):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def _metadata(run: FinishedRun) -> Mapping[str, str]:
    """Describe the run; every value is a text, as ONNX demands."""
    record = run.record
    return {
        "classes": json.dumps(record.dataset.classes),
        "input": "RGB images as stored, 0 to 255; the normalization is in the model",
        "variant": record.variant,
        "seed": str(record.seed),
        "dataset": record.dataset.title,
        "dataset_fingerprint": record.dataset.fingerprint,
        "split": record.dataset.split,
        "accuracy": repr(run.metrics.accuracy),
        "trained_precision": record.protocol.precision,
        "weights_sha256": str(record.weights_sha256),
    }
