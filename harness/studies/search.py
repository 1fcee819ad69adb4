"""A search over settings of a variant: its trials as runs, and the catalog entry of the best."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import variants
from harness.protocol import presets
from harness.runs.options import RunOptions
from harness.runs.record import RunRecord, StudyInfo
from harness.runs.spec import RunSpec
from harness.studies import proposals
from harness.studies.space import Space
from variants.spec import Variant

# Digits of the hash that tells apart the searches of one variant.
_DIGITS = 8


@dataclass(frozen=True)
class SearchPlan:
    """What a search tries; equal plans have equal trials.

    Attributes:
        variant: name of the variant that trials are derived from.
        space: the settings that differ, and between which values.
        sampler: one of `proposals.SAMPLERS`.
        seed: of the sampler.
        trials: number of trials.
    """

    variant: str
    space: Space
    sampler: str
    seed: int
    trials: int

    def settings(self) -> dict[str, Any]:
        """The plan as plain values, as the record of each trial stores it."""
        return {
            "variant": self.variant,
            "sampler": self.sampler,
            "arguments": {**proposals.SAMPLERS[self.sampler], "seed": self.seed},
            "space": {name: values.to_dict() for name, values in self.space.items()},
            "trials": self.trials,
        }

    @property
    def name(self) -> str:
        """Name of the study: the variant, and a hash of the plan."""
        digest = hashlib.sha256(json.dumps(self.settings()).encode()).hexdigest()
        return f"{self.variant}_search_{digest[:_DIGITS]}"


def trial_specs(plan: SearchPlan, training_seed: int, options: RunOptions) -> tuple[RunSpec, ...]:
    """Specify the trials of a search, each a run of a variant of its own.

    Args:
        plan: the search.
        training_seed: seed of every run.
        options: of all runs; `validation` must be set, since nothing is chosen by test images.

    Raises:
        InputError: if an option is invalid, or Optuna is not installed.
        UnknownVariantError: if the variant is not registered.
        ValueError: if the runs would be evaluated on the test images.
    """
    if not options.validation:
        raise ValueError("trials are evaluated on the validation split")
    base = variants.get(plan.variant)
    protocol, departures = presets.resolve(
        options.dataset, epochs=options.epochs, precision=options.precision, validation=True
    )
    proposed = proposals.propose(plan.space, plan.sampler, plan.seed, plan.trials)
    settings = {**plan.settings(), "optuna": version("optuna")}
    return tuple(
        RunSpec(
            _trial_variant(base, f"{plan.name}_{number:03d}", changed),
            training_seed,
            protocol,
            departures,
            options.results,
            options.eager,
            study=StudyInfo(kind="search", name=plan.name, index=number, settings=settings),
        )
        for number, changed in enumerate(proposed)
    )


def _trial_variant(base: Variant, name: str, changed: Mapping[str, Any]) -> Variant:
    return base.derive(name, describe(changed), family=_family(changed), **changed)


def _family(changed: Mapping[str, Any]) -> str:
    """Family of a variant with these changes: only readings change several settings at once."""
    return "extensions" if len(changed) == 1 else "readings"


def describe(changed: Mapping[str, Any]) -> str:
    """Settings in words: "learning rate 0.02, dropout 0.4"."""
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in changed.items())


def catalog_entry(best: RunRecord, plan: SearchPlan) -> str:
    """The entry of `variants/catalog.py`, or of a user's file, that registers a trial's settings.

    Args:
        best: the record of the trial.
        plan: the search that it belongs to.
    """
    changed = {name: best.settings[name] for name in plan.space}
    family = "EXTENSION" if _family(changed) == "extensions" else "READING"
    # A file has neither the catalog's constants nor its families.
    own = best.code.variants_sha256 is not None
    lines = [
        "register(",
        f'    get("{plan.variant}").derive(' if own else f"    {plan.variant.upper()}.derive(",
        f'        "{plan.variant}_tuned",',
        f'        "{describe(changed)}",',
        *(f"        {name}={value!r}," for name, value in changed.items()),
        *([] if own else [f"        **{family},"]),
        "    )",
        ")",
    ]
    return "\n".join(lines)
