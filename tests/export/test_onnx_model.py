"""`export --format onnx`: the model gives the network's logits, for batches of any size."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import variants
from harness.data.dataset import load
from harness.errors import RunFailedError
from harness.export import finished_run, onnx_model, parity
from harness.export.stored_network import Classifier
from harness.protocol import datasets
from harness.runs import store
from harness.training.metrics import eval_mode, predict_logits
from tests.helpers.datasets import random_split
from tests.helpers.exported_runs import train_digits
from tests.helpers.in_process import Outcome, contents, run_command
from tests.helpers.paths import ROOT

CPU = torch.device("cpu")

DIGITS = load("digits", Path()).test.images


@pytest.fixture(scope="module")
def exported(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """An exported model, and what the command printed."""
    path = tmp_path_factory.mktemp("models") / "network.onnx"
    return path, run_command("export", str(stored), "--format", "onnx", "--output", str(path))


@pytest.fixture
def session(exported: tuple[Path, Outcome]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(exported[0], providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def classifier(stored: Path) -> Classifier:
    return Classifier(finished_run.load(stored), CPU)


def outputs(session: onnxruntime.InferenceSession, images: torch.Tensor) -> list[np.ndarray]:
    return list(session.run(["logits", "probabilities"], {"images": images.numpy()}))


def test_the_command_says_what_was_checked(exported: tuple[Path, Outcome]) -> None:
    path, done = exported
    assert (done.status, done.err) == (0, "")
    assert f"{path}: batch_norm, seed 0" in done.out
    assert "360 images" in done.out
    assert "allowed: " in done.out
    assert "0 predictions of 360 not those of the record (fp32)" in done.out


def test_batches_of_any_size_give_the_logits_of_the_network(
    session: onnxruntime.InferenceSession, classifier: Classifier
) -> None:
    with eval_mode(classifier):
        expected = predict_logits(classifier, DIGITS)
    for size in (1, 7, 360):
        logits, probabilities = outputs(session, DIGITS[:size])
        assert logits.dtype == probabilities.dtype == np.float32
        np.testing.assert_allclose(logits, expected[:size].numpy(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(probabilities, expected[:size].softmax(1), rtol=0, atol=1e-5)


def test_predictions_are_those_that_the_run_wrote(
    session: onnxruntime.InferenceSession, stored: Path
) -> None:
    recorded = np.loadtxt(stored / store.PREDICTIONS, dtype=int)
    assert len(set(recorded)) > 3  # else any network would pass
    assert np.array_equal(outputs(session, DIGITS)[0].argmax(1), recorded)


def test_the_model_describes_itself(session: onnxruntime.InferenceSession, stored: Path) -> None:
    (images,) = session.get_inputs()
    assert (images.name, images.type, images.shape) == (
        "images",
        "tensor(uint8)",
        ["batch", 32, 32, 3],
    )
    record = json.loads((stored / store.FILE).read_bytes())
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == record["dataset"]["classes"]
    assert float(metadata["accuracy"]) == record["metrics"]["accuracy"]
    assert metadata["weights_sha256"] == record["weights_sha256"]
    assert (metadata["variant"], metadata["seed"]) == ("batch_norm", "0")


def test_equal_weights_give_equal_bytes_without_paths_of_this_machine(
    exported: tuple[Path, Outcome], stored: Path, classifier: Classifier
) -> None:
    content = exported[0].read_bytes()
    run = finished_run.load(stored)
    assert onnx_model.to_onnx(run, classifier).SerializeToString() == content
    for path in (str(ROOT), "site-packages", str(stored)):
        assert path.encode() not in content


def altered(path: Path, change: np.float32) -> onnx.ModelProto:
    """The model of a file with one bias of the last layer changed."""
    model = onnx.load(path)
    bias = next(t for t in model.graph.initializer if t.name.endswith("classifier.7.bias"))
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += change
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    return model


@pytest.mark.parametrize("change", [np.float32(1e-3), np.float32(np.nan)])
def test_another_network_does_not_pass(
    change: np.float32, exported: tuple[Path, Outcome], stored: Path, classifier: Classifier
) -> None:
    recorded = parity.recorded_predictions(finished_run.load(stored))
    model = altered(exported[0], change).SerializeToString()
    with pytest.raises(RunFailedError, match="a logit differs by"):
        parity.compare(model, classifier, DIGITS, recorded)


def test_a_model_that_does_not_pass_is_not_written(
    exported: tuple[Path, Outcome], copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = altered(exported[0], np.float32(1e-3))  # as a faulty exporter would make it
    monkeypatch.setattr(onnx_model, "to_onnx", lambda run, classifier: wrong)
    before = contents(copied)
    done = run_command("export", str(copied), "--format", "onnx")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert "nothing was written" in done.err
    assert contents(copied) == before


def test_predictions_that_differ_from_the_record_are_counted(
    exported: tuple[Path, Outcome], stored: Path, classifier: Classifier
) -> None:
    recorded = parity.recorded_predictions(finished_run.load(stored))
    recorded[:3] = (recorded[:3] + 1) % 10
    result = parity.compare(exported[0].read_bytes(), classifier, DIGITS, recorded)
    assert (result.different_from_record, result.ties, result.size) == (3, 0, 360)


@pytest.mark.slow
@pytest.mark.parametrize("name", variants.names())
def test_every_variant_can_be_exported(name: str, tmp_path: Path) -> None:
    done = run_command("export", str(train_digits(tmp_path, name)), "--format", "onnx")
    assert (done.status, done.err) == (0, "")


@pytest.fixture
def ten_thousand() -> Iterator[torch.Tensor]:
    """The official test images if they are given, else random ones."""
    folder = os.environ.get("ALEXNET_TEST_DATA")
    if folder:
        archive = str(Path(folder) / "cifar-10-python.tar.gz")  # never downloaded
        yield load(datasets.OFFICIAL.name, Path(folder), archive).test.images
    else:
        yield random_split(10_000, 3).images


@pytest.mark.slow
@pytest.mark.usefixtures("full_network")
@pytest.mark.parametrize("name", ["paper", "krizhevsky_2012"])
def test_networks_of_published_size_agree_on_ten_thousand_images(
    name: str, ten_thousand: torch.Tensor, tmp_path: Path
) -> None:
    run = finished_run.load(train_digits(tmp_path, name))
    classifier = Classifier(run, CPU)
    model = onnx_model.to_onnx(run, classifier).SerializeToString()
    with eval_mode(classifier):
        expected = predict_logits(classifier, ten_thousand).argmax(1).numpy()
    result = parity.compare(model, classifier, ten_thousand, expected)
    assert result.size == 10_000
    assert result.different_from_record == result.ties
    assert result.ties <= 10
