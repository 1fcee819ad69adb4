"""`export --format card`: metadata that huggingface_hub reads back, and code that runs."""

from __future__ import annotations

import json
import re
import socket
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from hypothesis import example, given
from hypothesis import strategies as st

import variants
import variants.alexnet  # registers the network with timm
from harness.data.dataset import load
from harness.export import card
from harness.export.finished_run import FinishedRun
from harness.protocol.datasets import CLASSES
from harness.runs import store
from tests.helpers.exported_runs import train_digits
from tests.helpers.in_process import run_command
from tests.helpers.paths import ROOT
from tests.helpers.properties import examples
from tests.helpers.records import make_record
from variants.network import build


def made(variant: str = "paper", **fields: Any) -> FinishedRun:
    record = make_record(variant, **fields)
    assert record.metrics is not None
    return FinishedRun(Path("run/model.safetensors"), record, record.metrics)


@pytest.fixture(scope="module")
def written(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The card that the command writes, without a network."""
    path = tmp_path_factory.mktemp("cards") / "README.md"

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a card needs no network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        done = run_command("export", str(stored), "--format", "card", "--output", str(path))
    assert (done.status, done.err) == (0, "")
    return path.read_text()


def results(data: ModelCardData) -> dict[str, EvalResult]:
    return {result.metric_type: result for result in data.eval_results}


def test_metadata_have_the_figures_of_the_record(written: str, stored: Path) -> None:
    record = json.loads((stored / store.FILE).read_bytes())
    data = ModelCard(written).data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "mit",
        "timm",
        "image-classification",
    )
    found = results(data)
    values = {kind: result.metric_value for kind, result in found.items()}
    assert values == {
        "accuracy": record["metrics"]["accuracy"],
        "f1": record["metrics"]["macro_f1"],
        "roc_auc": record["metrics"]["auc"],
        "loss": record["metrics"]["loss"],
    }
    for result in found.values():
        assert result.task_type == "image-classification"
        assert (result.dataset_type, result.dataset_split) == ("digits", "test")
        assert result.dataset_name == record["dataset"]["title"]


def test_metadata_are_read_back_as_they_were_written(written: str) -> None:
    data = ModelCard(written).data
    again = ModelCard(f"---\n{data.to_yaml()}\n---\n").data
    assert again.to_dict() == data.to_dict()
    assert again.eval_results == data.eval_results


def test_the_licence_is_that_of_the_project(written: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ModelCard(written).data.license == project["license"].lower()


def test_only_the_official_images_are_named_as_cifar10() -> None:
    official = ModelCard(card.make_card(made())).data
    assert official.datasets == ["cifar10"]
    other = ModelCard(card.make_card(made(dataset={"fingerprint": "0" * 64}))).data
    assert other.get("datasets") is None
    text = card.make_card(made(dataset={"fingerprint": "0" * 64}))
    assert "not the official CIFAR-10" in text


def run_code(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the Python of a card in a folder; returns the names that it defines."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    return names


def test_its_code_gives_the_probabilities_of_the_run(
    written: str, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = run_code(written, stored, monkeypatch)
    computed = names["predict"](load("digits", Path()).test.images)
    expected = np.load(stored / store.PROBABILITIES)
    np.testing.assert_allclose(computed.numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", variants.names())
def test_its_code_builds_the_network_of_every_variant(name: str) -> None:
    (arguments,) = re.findall(r"timm\.create_model\((.*)\)", card.make_card(made(name)))
    network = eval(f"timm.create_model({arguments})", {"timm": timm})
    expected = build(variants.get(name), 10, torch.Generator())
    assert str(network.features) == str(expected.features)
    assert {k: v.shape for k, v in network.state_dict().items()} == {
        k: v.shape for k, v in expected.state_dict().items()
    }


def test_limits_say_what_the_figures_are_from() -> None:
    text = card.make_card(made())
    assert "One run is one seed" in text
    assert "No setting of the suite's protocol was\n  chosen by them." in text
    assert "Trained in bf16" in text
    held_out = card.make_card(
        made(dataset={"split": "validation"}, protocol={"validation": True, "precision": "fp32"})
    )
    assert "They are not test results" in held_out
    assert "Trained in fp32" in held_out
    data = ModelCard(held_out).data
    assert {result.dataset_split for result in results(data).values()} == {"validation"}


def test_settings_are_those_that_the_variant_trains_with() -> None:
    text = card.make_card(made("keras_sgd"))
    recipe = variants.get("keras_sgd")
    assert f"momentum {recipe.momentum}" in text
    assert f"| initialization | {recipe.initialization} |" in text
    assert "| learning rate | 0.01, constant |" in card.make_card(made("no_lr_decay"))


@given(
    title=st.text(max_size=40),
    name=st.text(max_size=40).filter(lambda text: text not in CLASSES),
)
@example(title="---\nlicense: other", name="---")
@example(title="'\": #", name="| <b>x</b>\n# no")
@examples(10, 300)
def test_any_title_and_class_give_a_card_that_can_be_read(title: str, name: str) -> None:
    classes = [name, *CLASSES[1:]]
    text = card.make_card(made(dataset={"title": title, "fingerprint": "0", "classes": classes}))
    data = ModelCard(text).data
    assert data.license == "mit"
    assert len(results(data)) == 4
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    unescaped = [re.sub(r"\\.", "", row).count("|") for row in rows]
    assert set(unescaped) <= {3, 5}


def test_a_card_of_another_variant_has_code_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train_digits(tmp_path, "krizhevsky_2012")
    done = run_command("export", str(folder), "--format", "card")
    assert (done.status, done.err) == (0, "")
    names = run_code((folder / "README.md").read_text(), folder, monkeypatch)
    assert names["predict"](load("digits", Path()).test.images[:2]).shape == (2, 10)
