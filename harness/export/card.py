"""Model cards: a README of a run's weights with metadata as the Hugging Face Hub reads them."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from harness.export.finished_run import FinishedRun
from harness.formatting import percent, printable
from harness.protocol.datasets import is_official
from harness.runs.record import variant_of
from variants import Variant

_TEMPLATE = Path(__file__).with_name("templates") / "card.md"

_LICENCE = "mit"

_TASK = "image-classification"

# Names of the Hub, by the metric's name in a record.
_METRICS = {
    "accuracy": ("accuracy", "accuracy"),
    "macro_f1": ("f1", "macro F1"),
    "auc": ("roc_auc", "AUC, one-vs-rest, macro"),
    "loss": ("loss", "cross-entropy in nats"),
}

_METRIC_ARGUMENTS = {
    "f1": {"average": "macro"},
    "roc_auc": {"average": "macro", "multi_class": "ovr"},
}

# Identifiers of the Hub; another dataset of the same name is not the official one.
_OFFICIAL = "cifar10"

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")


def make_card(run: FinishedRun) -> str:
    """Write the model card of a run, from its record alone; nothing is sent or fetched.

    Args:
        run: the run.
    """
    return str(ModelCard(f"---\n{_metadata(run).to_yaml()}\n---\n\n{_text(run)}"))


def _metadata(run: FinishedRun) -> ModelCardData:
    """Metadata of the card with the `model-index` of the record's metrics."""
    dataset = run.record.dataset
    official = is_official(dataset.fingerprint)
    results = [
        EvalResult(
            task_type=_TASK,
            task_name="image classification",
            dataset_type=_OFFICIAL if official else dataset.name,
            dataset_name=printable(dataset.title),
            dataset_split=dataset.split,
            metric_type=kind,
            metric_name=name,
            metric_value=value,
            metric_args=_METRIC_ARGUMENTS.get(kind),
        )
        for field, (kind, name) in _METRICS.items()
        if (value := getattr(run.metrics, field)) is not None
    ]
    return ModelCardData(
        license=_LICENCE,
        library_name="timm",
        pipeline_tag=_TASK,
        tags=[_TASK, "timm", "safetensors", "alexnet", "reproducibility"],
        datasets=[_OFFICIAL] if official else None,
        metrics=[result.metric_type for result in results],
        model_name=f"alexnet_cifar10-{run.record.variant}-seed-{run.record.seed}",
        eval_results=results,
    )


def _text(run: FinishedRun) -> str:
    """The text of the card below its metadata."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters |= {"percent": percent, "plain": _plain}
    record = run.record
    variant = variant_of(record)
    settings, network = variant.settings(), variant.network_settings()
    arguments = {
        "num_classes": len(record.dataset.classes),
        "drop_rate": network.pop("dropout"),
        **{k: value for k, value in network.items() if value != getattr(Variant, k)},
    }
    recipe = record.protocol.with_overrides(settings)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        record=record,
        metrics=run.metrics,
        recipe=recipe,
        settings=settings,
        augmentation=recipe.augmentation[variant.augmentation],
        official=is_official(record.dataset.fingerprint),
        arguments="".join(f", {name}={value!r}" for name, value in arguments.items()),
        weights=run.weights.name,
    )


def _plain(text: str) -> str:
    """Untrusted text as one line in which Markdown and HTML mean nothing."""
    return _MARKDOWN.sub(r"\\\1", printable(text))
