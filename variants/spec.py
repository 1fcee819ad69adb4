"""The Variant dataclass and the registry of variants. No torch here.

A variant has only the settings that may differ between the networks compared; what all of them
share is in `harness.protocol.spec.Protocol`.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import math
import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Fields that describe the entry and not the network or its training.
_DESCRIPTIVE = ("name", "summary", "parent", "family", "file_sha256")
# Fields that the network has after its initialization: keywords of `variants.network.AlexNet`.
_NETWORK = ("dropout", "batch_norm", "lrn", "overlapping_pool", "groups", "stem")
# Fields that may be None, which keeps the protocol's value of the same name.
_OPTIONAL = ("learning_rate", "momentum", "weight_decay", "batch_size")

# ablations: the pre-registered analysis. extensions: one factor each, exploratory. readings: other
# ways to read the paper's text, exploratory. own: from a user's file, see `register_file`.
FAMILIES = ("ablations", "extensions", "readings", "own")
CHOICES = {
    "family": FAMILIES,
    "mixing": ("none", "mixup", "cutmix"),
    "pixel_scaling": ("standardize", "unit"),
    "initialization": ("torch", "glorot", "gaussian"),
    "stem": ("3x3", "11x11"),
    "groups": (1, 2),
    **dict.fromkeys(("batch_norm", "lrn", "overlapping_pool", "lr_decay"), (False, True)),
}
# Numeric fields: a check, and the valid range in words.
RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "dropout": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "mixing_alpha": (lambda value: 0 < value < math.inf, "above 0"),
    "learning_rate": (lambda value: 0 < value < math.inf, "above 0"),
    "momentum": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "weight_decay": (lambda value: 0 <= value < math.inf, "0 or more"),
    "batch_size": (lambda value: value >= 1, "a whole number above 0"),
}


class UnknownVariantError(ValueError):
    """No variant of that name is registered; the message lists all that are."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A network and the settings of its training that are not shared by all variants.

    Attributes:
        name: lower-case identifier; also the name of its results folder.
        summary: one-line description.
        parent: name of the variant that this one is derived from; None for the root.
        family: one of `FAMILIES`.
        file_sha256: of the file that a variant of the family "own" comes from.
        augmentation: name of one of the protocol's augmentations; "none" for none.
        mixing: "none", "mixup" (Zhang et al. 2018) or "cutmix" (Yun et al. 2019), per batch.
        mixing_alpha: both parameters of the beta distribution of the mixing weight.
        pixel_scaling: "standardize" (mean and standard deviation of the training images, by
            channel) or "unit" (pixels / 255).
        lr_decay: whether the learning rate decays on the protocol's schedule.
        learning_rate, momentum, weight_decay: of SGD; None for the protocol's.
        batch_size: images per step; None for the protocol's.
        initialization: "torch" (PyTorch's default), "glorot" (Glorot uniform, zero biases: the
            default of Keras) or "gaussian" (standard deviation 0.01, biases 1 in convolutions 2,
            4, 5 and the hidden fully connected layers: Krizhevsky et al. 2012, section 5).
        stem: first convolution, "3x3" (stride 2, padding 1) or "11x11" (stride 4, padding 5).
        groups: of convolutions 2, 4 and 5 (Krizhevsky et al. 2012, figure 2: two).
        batch_norm: batch normalization after each convolution, before its ReLU.
        lrn: local response normalization after the ReLUs of the first two convolutions
            (Krizhevsky et al. 2012, section 3.3).
        overlapping_pool: 3x3 stride-2 max pooling with padding 1 in place of 2x2 stride 2
            (Krizhevsky et al. 2012, section 3.4).
        dropout: probability that an output of the first two fully connected layers is
            set to zero in training (Krizhevsky et al. 2012, section 4.2).

    Raises:
        ValueError: if the name is not an identifier or a value is outside its range.
    """

    name: str
    summary: str
    parent: str | None = None
    family: str = "ablations"
    file_sha256: str | None = None
    augmentation: str = "standard"
    mixing: str = "none"
    mixing_alpha: float = 1.0
    pixel_scaling: str = "standardize"
    lr_decay: bool = True
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    initialization: str = "torch"
    stem: str = "3x3"
    groups: int = 1
    batch_norm: bool = False
    lrn: bool = False
    overlapping_pool: bool = False
    dropout: float = 0.5

    def __post_init__(self) -> None:
        # The name becomes a folder: anything else could leave the results folder.
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"{self.name!r} is not a variant name: use a-z, 0-9 and _")
        for field, choices in CHOICES.items():
            value = getattr(self, field)
            if (type(value), value) not in [(type(choice), choice) for choice in choices]:
                known = ", ".join(map(str, choices))
                raise ValueError(f"{self.name}: {field} is {value!r}, not one of {known}")
        for field, (holds, expected) in RANGES.items():
            value = getattr(self, field)
            if value is None and field in _OPTIONAL:
                continue
            kind = int if field == "batch_size" else int | float
            if isinstance(value, bool) or not isinstance(value, kind) or not holds(value):
                raise ValueError(f"{self.name}: {field} is {value!r}, not {expected}")

    def derive(self, name: str, summary: str, **changed: Any) -> Variant:
        """Return a variant that differs from this one in the given fields.

        Raises:
            TypeError: if a field does not exist.
            ValueError: if a value is outside its range.
        """
        return dataclasses.replace(self, name=name, summary=summary, parent=self.name, **changed)

    def settings(self) -> dict[str, Any]:
        """All fields except those that describe the entry, as {field: value}."""
        fields = dataclasses.asdict(self)
        return {key: value for key, value in fields.items() if key not in _DESCRIPTIVE}

    def network_settings(self) -> dict[str, Any]:
        """The keywords with which `variants.network.AlexNet` builds the network."""
        return {key: getattr(self, key) for key in _NETWORK}


def changes(variant: Variant, base: Variant) -> dict[str, Any]:
    """The settings of `variant` that differ from those of `base`, as {field: value}."""
    reference = base.settings()
    return {k: v for k, v in variant.settings().items() if v != reference[k]}


_registry: dict[str, Variant] = {}


def register(variant: Variant) -> Variant:
    """Add a variant to the registry and return it.

    Raises:
        ValueError: if the name is already registered.
    """
    if variant.name in _registry:
        raise ValueError(f"a variant named {variant.name!r} is already registered")
    _registry[variant.name] = variant
    return variant


def register_file(path: Path) -> list[str]:
    """Register the variants of a user's Python file, as the family "own".

    The file is executed; it calls `register`, as `variants/catalog.py` does.

    Returns:
        The names of its variants.

    Raises:
        ValueError: if it cannot be read or executed, or registers none; one line that says why.
    """
    before = set(_registry)
    try:
        content = path.read_bytes()
        exec(compile(content, str(path), "exec"), {"__name__": path.stem, "__file__": str(path)})
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}).") from error
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        for name in set(_registry) - before:
            del _registry[name]
        calls = traceback.extract_tb(error.__traceback__)
        line = [call.lineno for call in calls if call.filename == str(path)][-1:]
        where = f"{path}, line {line[0]}" if line else str(path)
        raise ValueError(f"{where}: {type(error).__name__}: {error}") from error
    own = [name for name in _registry if name not in before]
    if not own:
        raise ValueError(f"{path} registers no variant: call `variants.register` in it.")
    digest = hashlib.sha256(content).hexdigest()
    for name in own:
        variant = dataclasses.replace(_registry[name], family="own", file_sha256=digest)
        _registry[name] = variant
    return own


def names(family: str | None = None) -> list[str]:
    """Names of the registered variants of one family, or of all, in order of registration."""
    return [name for name, variant in _registry.items() if family in (None, variant.family)]


def in_order(some: Iterable[str]) -> list[str]:
    """Sort names of variants in the order of registration, then unknown ones by name."""
    unique = set(some)
    registered = [name for name in _registry if name in unique]
    return registered + sorted(unique - set(registered))


def get(name: str) -> Variant:
    """Look up a variant by name.

    Raises:
        UnknownVariantError: if it is not registered; the message suggests the closest name.
    """
    if name not in _registry:
        close_names = difflib.get_close_matches(name, names(), n=1)
        hint = f" Did you mean {close_names[0]!r}?" if close_names else ""
        raise UnknownVariantError(
            f"unknown variant {name!r}.{hint} Known variants: {', '.join(names())}."
        )
    return _registry[name]
