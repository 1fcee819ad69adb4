"""`evaluate` and `export`: stored weights outside their run."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.options import (
    ArchiveOption,
    DataDirOption,
    OutputOption,
    TextFormat,
    TextFormatOption,
    write_output,
)
from harness.errors import InputError, missing_extra
from harness.files import write_output_file
from harness.formatting import EMPTY, percent, pluralize, printable

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.export.evaluation import Evaluation
    from harness.export.finished_run import FinishedRun


class ExportFormat(StrEnum):
    """Formats of an export."""

    onnx = "onnx"
    card = "card"


_DEFAULT_NAMES = {ExportFormat.onnx: "model.onnx", ExportFormat.card: "README.md"}

# What the extras of the same names install.
_PACKAGES = {
    ExportFormat.onnx: ("onnx", "onnxscript", "onnxruntime"),
    ExportFormat.card: ("huggingface_hub",),
}


def evaluate(
    weights: Annotated[Path, typer.Argument(help="Folder of a stored run, or its weights.")],
    dataset: Annotated[
        str | None, typer.Option(help="cifar10, folder or digits. [default: the run's]")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="test, validation or train. [default: what the run was evaluated on; test on "
            "another dataset]"
        ),
    ] = None,
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: Annotated[
        str, typer.Option(help="auto (the type that the run used), cpu, cuda or cuda:N.")
    ] = "auto",
    precision: Annotated[
        str | None, typer.Option(help="fp32 or bf16. [default: the run's]")
    ] = None,
    format_: TextFormatOption = TextFormat.markdown,
    output: OutputOption = None,
) -> None:
    """Evaluate stored weights on a dataset, with the normalization of the run's record.

    On a run's own data the figures are compared with its record.
    """
    from harness.export import finished_run
    from harness.runs import threads

    run = finished_run.load(weights)
    threads.take_threads(run.record.environment)

    from harness.data import dataset as datasets
    from harness.export import evaluation
    from harness.training.device import choose_device
    from harness.training.seeding import make_deterministic

    make_deterministic()
    environment = run.record.environment
    chosen_device = choose_device(environment.device_type if device == "auto" else device)

    def load_data() -> Dataset:
        return datasets.load(dataset or run.record.dataset.name, data_dir, archive)

    result = evaluation.evaluate(run, load_data, chosen_device, precision, split)
    write_output(_as_json(result) if format_ is TextFormat.json else _as_text(result), output)


def export(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a stored run with its weights.")],
    format_: Annotated[
        ExportFormat,
        typer.Option("--format", help="onnx (a model) or card (a model card, Markdown)."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="The file to write. [default: model.onnx or README.md in RUN_DIR]"),
    ] = None,
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Export a trained network to ONNX, checked on the run's images, or write its model card."""
    from harness.export import finished_run

    _require_extra(format_)
    run = finished_run.load(run_dir)
    path = output or run.folder / _DEFAULT_NAMES[format_]
    if path.is_dir():
        raise InputError(f"--output {path} is a folder: give a file.")
    if format_ is ExportFormat.card:
        _export_card(run, path)
    else:
        _export_onnx(run, path, data_dir, archive)


def _require_extra(format_: ExportFormat) -> None:
    """Raise an error if a package is missing that an export needs."""
    from importlib import import_module

    for name in _PACKAGES[format_]:
        try:
            import_module(name)
        except ImportError as error:
            raise missing_extra(f"export --format {format_}", name, format_) from error


def _export_card(run: FinishedRun, path: Path) -> None:
    from harness.export import card, stored_network

    stored_network.load_network(run.weights, run.record)  # a card is of weights that are there
    write_output_file(path, card.make_card(run).encode())
    print(f"{path}: model card of {run.title}, accuracy {percent(run.metrics.accuracy)} %")


def _export_onnx(run: FinishedRun, path: Path, data_dir: Path | None, archive: str | None) -> None:
    import torch

    from harness.data import held_out
    from harness.export import onnx_model, parity
    from harness.export.stored_network import Classifier

    recorded = parity.recorded_predictions(run)
    classifier = Classifier(run, torch.device("cpu"))
    about, protocol = run.record.dataset, run.record.protocol
    data = held_out.load_as_split(about.name, about.fingerprint, protocol, data_dir, archive)
    model = onnx_model.to_onnx(run, classifier).SerializeToString()
    result = parity.compare(model, classifier, data.test.images, recorded)
    write_output_file(path, model)
    print(f"{path}: {run.title} ({len(model) / 1e6:.1f} MB)")
    print(
        f"checked with onnxruntime on {pluralize(result.size, 'image')}, against PyTorch in fp32: "
        f"the same classes (but for {pluralize(result.ties, 'tie')}), logits within "
        f"{result.max_difference:.1g} (allowed: {result.tolerance:.1g})"
    )
    print(
        f"{pluralize(result.different_from_record, 'prediction')} of {result.size} "
        f"not those of the record ({run.record.protocol.precision})"
    )


def _as_text(evaluation: Evaluation) -> str:
    """Write an evaluation as text with two Markdown tables."""
    from tabulate import tabulate

    values = evaluation.metrics
    auc = values["auc"]
    figures = [
        ("accuracy", f"{percent(values['accuracy'])} %"),
        ("macro F1", f"{percent(values['macro_f1'])} %"),
        ("AUC", EMPTY if auc is None else f"{auc:.4f}"),
        ("loss", f"{values['loss']:.4f}"),
    ]
    sizes = [str(sum(row)) for row in values["confusion_matrix"]]
    classes = [
        (
            printable(name).replace("|", "\\|"),
            *(percent(of_class[key]) for key in ("precision", "recall", "f1")),
            size,
        )
        for (name, of_class), size in zip(values["per_class"].items(), sizes, strict=True)
    ]
    tables = [
        tabulate(
            rows,
            headers=headers,
            tablefmt="github",
            colalign=["left", *["right"] * (len(headers) - 1)],
            disable_numparse=True,
        )
        for rows, headers in (
            (figures, ("metric", "value")),
            (classes, ("class", "precision", "recall", "F1", "images")),
        )
    ]
    title = (
        f"{evaluation.run.title}: {evaluation.size} {evaluation.split} images of "
        f"{printable(evaluation.title)}, {evaluation.precision} on {evaluation.device}"
    )
    return "\n\n".join([title, *tables, _comparison(evaluation)]) + "\n"


def _comparison(evaluation: Evaluation) -> str:
    """Say how the figures compare with those of the record."""
    differences = evaluation.differences
    if differences is None:
        return "the record has no figures of these images at this precision"
    if not differences:
        return "every figure is equal to that of the record"
    return (
        f"{pluralize(len(differences), 'figure')} not equal to the record's, as another device or "
        f"number of threads rounds differently; the first: {printable(differences[0])}"
    )


def _as_json(evaluation: Evaluation) -> str:
    record = evaluation.run.record
    differences = evaluation.differences
    fields: dict[str, Any] = {
        "variant": record.variant,
        "seed": record.seed,
        "weights_sha256": record.weights_sha256,
        "dataset": evaluation.dataset,
        "title": evaluation.title,
        "fingerprint": evaluation.fingerprint,
        "split": evaluation.split,
        "images": evaluation.size,
        "precision": evaluation.precision,
        "device": evaluation.device,
        "metrics": evaluation.metrics,
        "equal_to_record": None if differences is None else not differences,
        "differences": None if differences is None else list(differences),
    }
    return json.dumps(fields, indent=1, allow_nan=False) + "\n"
