"""The record of a run, and its folder: `<dataset>/<protocol>/<variant>/seed-<n>/record.json`.

Beside it stand `predictions.txt` (one class index a line, in dataset order) and, for a
person's own use, `model.safetensors` and `probabilities.npy`. `record.json` is written
last: a folder that has it is finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import InputError
from harness.protocol.spec import Augmentation, Protocol
from variants.spec import Variant

VERSION = 2

# What every environment has, whatever the device.
ENVIRONMENT_KEYS = (
    "python",
    "platform",
    "torch",
    "device",
    "device_type",
    "cpu_capability",
    "threads",
)


class DamagedRecordError(Exception):
    """A stored record cannot be read; the message names the file and the fault."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything that any table about a run is made from. Fractions, not percents.

    Attributes:
        version: of this form.
        status: "finished" or "failed".
        reason: why a run failed.
        variant: its name; `settings` holds every field of it, `changes` those that differ
            from `paper`.
        dataset: name, title, fingerprint, official, classes, split, train_size, test_size.
        protocol: every field; `departures` those that an option changed.
        history: per epoch: train_loss, train_accuracy, <split>_loss, <split>_accuracy, lr,
            seconds and images_per_second (of training alone).
        metrics: see `harness.training.metrics.metrics`; None for a failed run.
        resumed_at: epochs after which a run that was cut off went on.
        train_seconds: training time of all epochs together.
        decision_sha256: of the decision file when the run was made; None for records from
            before there was one.
    """

    version: int
    status: str
    reason: str | None
    variant: str
    settings: dict[str, Any]
    changes: dict[str, Any]
    seed: int
    dataset: dict[str, Any]
    protocol: dict[str, Any]
    departures: dict[str, Any]
    environment: dict[str, Any]
    code: dict[str, Any]
    sources_sha256: str
    parameters: int
    resumed_at: list[int]
    train_seconds: float
    history: list[dict[str, Any]]
    metrics: dict[str, Any] | None
    weights_sha256: str | None
    predictions_sha256: str | None
    decision_sha256: str | None

    @property
    def failed(self) -> bool:
        """Whether the run ended without metrics."""
        return self.metrics is None


def variant_of(stored: RunRecord) -> Variant:
    """The variant as the record has it, whatever the registry says today.

    Raises:
        DamagedRecordError: if the settings are not those of a variant.
    """
    try:
        return Variant(name=stored.variant, summary="as recorded", **stored.settings)
    except (TypeError, ValueError) as error:
        raise DamagedRecordError(
            f"the settings of {stored.variant} are damaged ({error})."
        ) from error


def protocol_of(stored: RunRecord) -> Protocol:
    """The protocol as the record has it.

    Raises:
        DamagedRecordError: if it is not one.
    """
    try:
        fields = dict(stored.protocol)
        fields["decay_at"] = tuple(fields["decay_at"])
        fields["augmentation"] = {
            name: Augmentation(**{**spec, "scale": tuple(spec["scale"])})
            for name, spec in fields["augmentation"].items()
        }
        return Protocol(**fields)
    except (TypeError, ValueError, KeyError, AttributeError, InputError) as error:
        raise DamagedRecordError(f"the recorded protocol is damaged ({error}).") from error
