"""Sample predictions of the report: shown if a run has the files, else reported and left out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.cli.report import report
from harness.data import dataset
from harness.errors import InputError
from harness.protocol import presets
from harness.report import samples
from harness.runs import store
from harness.runs.record import Metrics
from harness.training import metrics
from harness.verdict import study
from tests.helpers.html_outline import parse_page
from tests.helpers.records import make_record
from tests.helpers.results_folders import write_grid


@pytest.fixture
def pictured(tmp_path: Path) -> Path:
    """Two runs on the digits with probabilities and explanations."""
    digits = dataset.load("digits", Path())
    truth = digits.test.labels.numpy()
    protocol = presets.PROTOCOLS["digits"]
    for seed in (0, 1):
        run = make_record(
            seed=seed,
            dataset={
                "name": "digits",
                "title": digits.title,
                "fingerprint": digits.fingerprint,
                "official": False,
                "classes": list(digits.classes),
                "train_size": len(digits.train),
                "test_size": len(digits.test),
            },
            protocol={f.name: getattr(protocol, f.name) for f in dataclasses.fields(protocol)},
        )
        chances = np.random.default_rng(seed).dirichlet(np.ones(10), len(truth)).astype(np.float32)
        outcome = metrics.compute_metrics(np.log(chances), truth, digits.classes)
        folder = store.directory(tmp_path, protocol, "paper", seed)
        changed = {
            "metrics": Metrics(**outcome, train_accuracy=1.0),
            "weights_sha256": "c" * 64,
        }
        store.save(folder, run.model_copy(update=changed))
        np.save(folder / store.PROBABILITIES, chances)
        description = {
            "weights_sha256": "c" * 64,
            "alt": "what it shows",
            "grad_cam_layer": "the last",
        }
        (folder / "explain.json").write_text(json.dumps(description))
        Image.new("RGB", (300, 200)).save(folder / "explain.png")
    return tmp_path


def gallery(results: Path, data_dir: Path | None = None) -> tuple[samples.Gallery | None, str]:
    """The gallery, and the text of the warnings."""
    result, warnings = samples.gallery(study.load_study(results).primary, results, data_dir, None)
    return result, " ".join(text for p in warnings for text in (p.sentence, *p.cases))


def test_digits_are_shown_without_a_folder(pictured: Path) -> None:
    shown, warnings = gallery(pictured)
    assert shown is not None
    assert shown.run == "paper, seed 0"
    assert len(shown.chosen) == len(shown.mistakes) == 24
    assert shown.explanation is not None
    assert warnings == ""


def seed_0(results: Path, name: str) -> Path:
    return next(results.rglob("seed-0")) / name


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:90],
        lambda content: content[:-1],
        lambda content: b"PK\x03\x04" + content[4:],
        lambda content: content.replace(b"(360, 10)", b"(360, 1{)"),
        lambda content: content.replace(b"(360, 10)", b"(180, 20)"),
        lambda content: content.replace(b"<f4", b"<i4"),
        lambda content: content[:-4] + np.float32("nan").tobytes(),
    ],
)
def test_damaged_probabilities_are_named_and_the_next_run_is_shown(
    damage: Callable[[bytes], bytes], pictured: Path
) -> None:
    path = seed_0(pictured, store.PROBABILITIES)
    path.write_bytes(damage(path.read_bytes()))
    shown, warnings = gallery(pictured)
    assert shown is not None
    assert shown.run == "paper, seed 1"
    assert "1 file of a run is damaged and not shown" in warnings
    assert str(path) in warnings


def test_probabilities_that_are_code_are_not_run(pictured: Path) -> None:
    np.save(seed_0(pictured, store.PROBABILITIES), np.array([Path]), allow_pickle=True)
    shown, warnings = gallery(pictured)
    assert shown is not None
    assert shown.run == "paper, seed 1"
    assert "Python objects" in warnings


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("explain.json", b""),
        ("explain.json", b"[]"),
        ("explain.json", b'{"weights_sha256": "cc"}'),
        ("explain.json", b"\xff\xfe"),
        ("explain.png", b"no picture"),
        ("explain.png", None),
    ],
)
def test_a_damaged_explanation_is_left_out_and_named(
    name: str, content: bytes | None, pictured: Path
) -> None:
    path = seed_0(pictured, name)
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    shown, warnings = gallery(pictured)
    assert shown is not None
    assert shown.explanation is None
    assert shown.chosen
    assert "explain.*" in warnings


def test_missing_samples_are_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    results = tmp_path / "results"
    write_grid(results, 1, names=["paper"])
    report(results, tmp_path / "report.html", data_dir=tmp_path)
    message = "No sample predictions: no run has probabilities.npy"
    assert f"note: {message}" in capsys.readouterr().out
    (warnings,) = (
        tag
        for tag in parse_page((tmp_path / "report.html").read_text()).find("section")
        if tag.get("class") == "warnings"
    )
    assert "No sample predictions" in warnings.text


def test_images_of_another_dataset_are_refused(pictured: Path) -> None:
    for path in store.find(pictured):
        fields = json.loads(path.read_bytes())
        fields["dataset"]["fingerprint"] = "0" * 64
        path.write_text(json.dumps(fields))
    with pytest.raises(InputError, match="not the images of the run"):
        gallery(pictured, Path())
