"""`check`: whatever is changed in a record or another file of a run is caught."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch

from harness.data.dataset import load
from harness.runs import store
from harness.training.metrics import compute_metrics, metrics_from_predictions
from harness.training.runner import weights_sha256
from tests.helpers.checked_results import checked, edit, faults, first

# Fields that no rule can compare with anything: only `verify` detects a change.
ONLY_VERIFY = (
    "code.",
    "environment.",
    "sources_sha256",
    "resumed_at",
    "decision_sha256",  # `verdict` names records that do not cite the decision file
    "weights_sha256",  # checked if the run has its weights: see below
    "history.*.train_loss",
    "history.*.eval_loss",
    "history.*.eval_accuracy",
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path into a nested JSON value, leaves and branches alike."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, below in value.items():
            yield from paths(below, (*path, key))
    if isinstance(value, list):
        for number, below in enumerate(value):
            yield from paths(below, (*path, number))


def leaves(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every path to a value that holds no others, and the value."""
    for path in paths(value):
        leaf = value
        for key in path:
            leaf = leaf[key]
        if not isinstance(leaf, dict | list):
            yield path, leaf


def changed(value: Any) -> Any:
    """Another value of the same kind, as near as a forger would choose it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.99 if value else 0.001  # never nearly the same number
    if isinstance(value, str):
        return ("b" if value[:1] == "a" else "a") + value[1:]
    if isinstance(value, list):
        return value[:-1] if value else [1]
    if isinstance(value, dict):
        return dict(list(value.items())[:-1]) if value else {"more": 1}
    return 0.5


def only_verify(path: tuple[Any, ...]) -> bool:
    name = ".".join("*" if isinstance(key, int) else str(key) for key in path)
    return any(name == p or (p.endswith(".") and f"{name}.".startswith(p)) for p in ONLY_VERIFY)


def mutations(fields: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The record with one path changed, and with one path removed."""
    for path in paths(fields):
        for kind in ("changed", "removed"):
            forged = copy.deepcopy(fields)
            parent = forged
            for key in path[:-1]:
                parent = parent[key]
            if kind == "changed":
                parent[path[-1]] = changed(parent[path[-1]])
            else:
                del parent[path[-1]]
            yield f"{kind} {'.'.join(map(str, path))}", forged


def test_every_path_of_a_record_that_touches_a_result_is_guarded(results: Path) -> None:
    file = first(results) / store.FILE
    shutil.rmtree(file.parent.with_name("seed-1"))  # one record is enough, and faster
    fields = json.loads(file.read_bytes())
    last_epoch = ("history", len(fields["history"]) - 1)
    tried, missed = 0, []
    for path, (name, forged) in zip(
        (p for p in paths(fields) for _ in range(2)), mutations(fields), strict=True
    ):
        # The last epoch's evaluation is in the metrics too.
        guarded = path in ((*last_epoch, "eval_loss"), (*last_epoch, "eval_accuracy"))
        if (only_verify(path) and not guarded) or forged == fields:
            continue
        file.write_text(json.dumps(forged, indent=1) + "\n")
        tried += 1
        if not checked(results)[1]:
            missed.append(name)
    assert missed == []
    assert tried >= 200


def test_changed_bytes_of_any_file_are_caught(stored: Path, tmp_path: Path) -> None:
    source = random.Random(0)
    names = (store.FILE, store.PREDICTIONS, store.PROBABILITIES)
    missed = []
    for name in names:
        for number in range(12):
            results = tmp_path / f"{name}-{number}"
            shutil.copytree(stored, results, ignore=shutil.ignore_patterns(store.WEIGHTS))
            path = first(results) / name
            content = bytearray(path.read_bytes())
            # Numpy's header is followed by numbers of which single low bits mean nothing.
            offset = source.randrange(0 if name != store.PROBABILITIES else 128, len(content) - 3)
            content[offset : offset + 4] = bytes(b ^ 0x41 for b in content[offset : offset + 4])
            path.write_bytes(content)
            if not checked(results)[1] and not harmless(stored, results, name):
                missed.append((name, offset))
    assert missed == []


def harmless(stored: Path, results: Path, name: str) -> bool:
    """Whether a change is in a field without a rule, or changes no figure by more than rounding."""
    if name == store.FILE:
        files = [(first(folder) / name).read_bytes() for folder in (stored, results)]
        old, new = (dict(leaves(json.loads(content))) for content in files)
        return all(only_verify(p) for p in old.keys() | new if old.get(p) != new.get(p))
    if name != store.PROBABILITIES:
        return False
    digits = load("digits", Path())
    figures = []
    for folder in (stored, results):
        logits = np.log(np.load(first(folder) / name))
        computed = compute_metrics(logits, digits.test.labels.numpy(), digits.classes)
        figures.append((computed["accuracy"], computed["auc"], computed["loss"]))
    return figures[0] == pytest.approx(figures[1], abs=1e-4)


def test_better_predictions_with_hashes_and_figures_made_to_fit_are_caught(results: Path) -> None:
    """Predictions that were edited, with everything recomputed that follows from them, still
    disagree with the probabilities and the history."""
    folder = first(results)
    truth = load("digits", Path()).test.labels.tolist()
    text = "".join(f"{label}\n" for label in truth).encode()
    (folder / store.PREDICTIONS).write_bytes(text)

    def forge(fields: dict[str, Any]) -> None:
        labels = np.array(truth)
        classes = fields["dataset"]["classes"]
        fields["metrics"].update(metrics_from_predictions(labels, labels, classes))
        fields["predictions_sha256"] = hashlib.sha256(text).hexdigest()

    edit(results, forge)
    messages = " ".join(faults(results))
    assert "are not the most probable classes" in messages
    assert "metrics.accuracy and history" in messages


def test_other_weights_are_caught(stored: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(stored, tmp_path / "results"))
    path = first(results) / store.WEIGHTS
    weights = safetensors.torch.load(path.read_bytes())
    weights["classifier.7.bias"] += 1e-3
    path.write_bytes(safetensors.torch.save(weights))
    assert any("weights_sha256" in fault for fault in faults(results))
    edit(results, lambda f: f.update(weights_sha256=weights_sha256(weights)))
    # Now the hash fits: only repeating the run can tell.
    assert faults(results) == []


def test_a_run_copied_to_another_seed_is_caught(results: Path) -> None:
    folder = first(results)
    copied = folder.with_name("seed-7")
    shutil.copytree(folder, copied)
    fields = json.loads((copied / store.FILE).read_bytes())
    fields["seed"] = 7
    (copied / store.FILE).write_text(json.dumps(fields, indent=1) + "\n")
    assert any("another run has the same weights_sha256" in fault for fault in faults(results))


def test_a_run_moved_to_another_variant_is_caught(results: Path) -> None:
    moved = first(results).parent.with_name("paper")
    first(results).parent.rename(moved)
    assert any("folder matches" in fault for fault in faults(results))
