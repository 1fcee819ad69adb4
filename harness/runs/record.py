"""The record of a run, from which every table and verdict is made. No torch here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from harness.errors import InputError
from harness.protocol.datasets import MAX_FOLDS
from harness.protocol.spec import Protocol
from harness.schema import StrictModel
from variants.spec import Variant

VERSION = 3

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]

# A sum of areas, which may be rounded to a little more than 1.
Area: TypeAlias = Annotated[float, Field(ge=0, le=1 + 1e-9)]

# Sums and multiples of larger ones are infinite.
Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e15)]

# Of images or threads. Statistics and estimates need it as a float.
Size: TypeAlias = Annotated[int, Field(gt=0, lt=2**31)]

# Fields of an `EpochRow` that depend on the clock.
TIMING_FIELDS = frozenset({"seconds", "images_per_second"})


class DamagedRecordError(InputError):
    """A stored record cannot be read; the message names the file and the error."""


class UnreadableRecordError(DamagedRecordError):
    """A stored record may be intact and cannot be read here: its disk, or another version."""


class DatasetInfo(StrictModel):
    """The dataset of a run.

    Attributes:
        name: "cifar10", "folder" or "digits".
        title: name for tables; the same for the same bytes.
        fingerprint: SHA-256 of all its pixels, labels and class names.
        official: whether the bytes are the official ones.
        classes: class names in the order of the labels.
        split: which images the metrics are from.
        train_size, test_size: images trained on and evaluated on.
    """

    name: str
    title: str
    fingerprint: str
    official: bool
    classes: list[str]
    split: Literal["test", "validation"]
    train_size: Size
    test_size: Size


class Environment(StrictModel):
    """Software and hardware of a run; versions of packages and a GPU's data are further fields.

    Attributes:
        python, platform, torch: version of Python, system and architecture, version of PyTorch.
        device, device_type: model of the device; "cpu" or "cuda".
        execution: "CUDA graph" or "eager"; None on a CPU.
        cpu_capability: instruction set that PyTorch uses.
        threads: number of CPU threads.
        variables: environment variables that change kernels, threads or precision.
    """

    model_config = ConfigDict(extra="allow")

    python: str
    platform: str
    torch: str
    device: str
    device_type: str
    execution: str | None
    cpu_capability: str
    threads: Size
    variables: dict[str, str]


class Code(StrictModel):
    """Code of a run that is not in the hashed sources.

    Attributes:
        commit, dirty: of the checkout that trained, and whether it had changes; None outside git.
        variants_sha256: of the user's file that defines the variant; the field is left out if the
            variant is the package's own.
    """

    commit: str | None
    dirty: bool | None
    variants_sha256: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None


class Normalization(StrictModel):
    """Normalization of pixels (0 to 255).

    Attributes:
        mean: subtracted from each color channel.
        std: divides each color channel.
    """

    mean: list[float]
    std: list[float]


class StudyInfo(StrictModel):
    """The search or cross-validation that a run belongs to.

    Attributes:
        kind: which of the two.
        name: of the study.
        index: number of the trial or fold, from 0.
        settings: of the study, such as the sampler's arguments and the number of trials.
    """

    kind: Literal["search", "cross-validation"]
    name: str
    index: NonNegativeInt
    settings: dict[str, Any]


class EpochRow(StrictModel):
    """One epoch. Losses in nats, accuracies as fractions.

    Attributes:
        epoch: counted from 1.
        train_loss, train_accuracy: means over the epoch as training went along, with augmentation
            and dropout; the accuracy is None where labels are mixed.
        eval_loss, eval_accuracy: on the images of the dataset's split after the epoch; None where
            the protocol does not evaluate after each epoch.
        lr: learning rate.
        seconds, images_per_second: of the training alone.
    """

    epoch: PositiveInt
    train_loss: NonNegativeFloat
    train_accuracy: Fraction | None
    eval_loss: NonNegativeFloat | None
    eval_accuracy: Fraction | None
    lr: NonNegativeFloat
    seconds: Seconds
    images_per_second: NonNegativeFloat


class ClassMetrics(StrictModel):
    """Metrics of one class; fractions."""

    precision: Fraction
    recall: Fraction
    f1: Fraction


class Metrics(StrictModel):
    """Metrics of the last epoch's network; fractions.

    Attributes:
        accuracy, macro_f1, per_class: on the evaluated images.
        confusion_matrix: counts; rows are true classes, columns predicted ones.
        auc: one-vs-rest, macro; None where a class is absent.
        loss: mean cross-entropy in nats.
        train_accuracy: on the training images, without augmentation and dropout.
    """

    accuracy: Fraction
    macro_f1: Fraction
    auc: Area | None
    loss: NonNegativeFloat
    train_accuracy: Fraction
    per_class: dict[str, ClassMetrics]
    confusion_matrix: list[list[NonNegativeInt]]


class RunRecord(StrictModel):
    """Everything about one run: settings, data, environment, history and metrics, as fractions.

    Attributes:
        version: version of this schema.
        status: "finished" or "failed"; `reason` says why a run failed.
        variant, family: name and family; `settings` holds every field that decides what is trained
            and how, `changes` those that differ from `paper`.
        protocol: as trained; `departures` are the fields that an option changed.
        study: the search or cross-validation that the run belongs to, if any.
        sources_sha256: SHA-256 of the sources that decide bits.
        decision_sha256: SHA-256 of the decision file.
        parameters: number of trainable parameters; 0 if the run failed before the network was made.
        resumed_at: epochs after which an interrupted run resumed.
        train_seconds: training time of all epochs together.
        metrics, weights_sha256, predictions_sha256: None for a failed run.
    """

    version: int
    status: Literal["finished", "failed"]
    reason: str | None
    variant: str
    family: str
    settings: dict[str, Any]
    changes: dict[str, Any]
    seed: NonNegativeInt
    dataset: DatasetInfo
    protocol: Protocol
    departures: dict[str, Any]
    study: StudyInfo | None
    environment: Environment
    code: Code
    sources_sha256: str
    decision_sha256: str
    parameters: NonNegativeInt
    normalization: Normalization
    resumed_at: list[int]
    train_seconds: Seconds
    metrics: Metrics | None
    weights_sha256: str | None
    predictions_sha256: str | None
    history: list[EpochRow]

    @model_validator(mode="after")
    def _metrics_of_its_classes(self) -> RunRecord:
        if self.metrics is not None:
            classes = self.dataset.classes
            if list(self.metrics.per_class) != classes:
                raise ValueError("metrics.per_class does not have the classes of the dataset")
            matrix = self.metrics.confusion_matrix
            if [len(row) for row in matrix] != [len(classes)] * len(classes):
                raise ValueError(f"metrics.confusion_matrix is not of {len(classes)} classes")
        return self

    @model_validator(mode="after")
    def _can_be_trained(self) -> RunRecord:
        protocol = self.protocol
        if protocol.batch_size < 1:
            raise ValueError(f"protocol.batch_size is {protocol.batch_size}")
        if (protocol.folds or 0) > MAX_FOLDS:
            raise ValueError(f"protocol.folds is more than {MAX_FOLDS}")
        if (name := self.settings.get("augmentation")) not in [*protocol.augmentation]:
            raise ValueError(f"protocol.augmentation has no {name!r}")
        return self

    @property
    def failed(self) -> bool:
        """Whether the run ended without metrics."""
        return self.metrics is None

    @property
    def undisturbed_seconds(self) -> float:
        """Training time of the run if all its epochs had the pace of the fastest.

        Other work on a machine slows epochs down, and nothing speeds them up.
        """
        return len(self.history) * min((row.seconds for row in self.history), default=0.0)


def variant_of(record: RunRecord) -> Variant:
    """The variant with the settings of a record, which the registry may have changed since.

    Raises:
        DamagedRecordError: if the settings are not valid for a variant.
    """
    try:
        return Variant(
            name=record.variant, summary="as recorded", family=record.family, **record.settings
        )
    except (TypeError, ValueError) as error:
        raise DamagedRecordError(
            f"the settings of {record.variant} are damaged ({error})."
        ) from error
