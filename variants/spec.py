"""What a variant is, and the registry that knows them by name.

A variant holds only what may differ between the networks that are compared; what they
share stands in `harness.protocol.Protocol`. Nothing here imports torch, so that listing
the variants costs nothing.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from dataclasses import dataclass
from typing import Any

# Facts about the entry rather than about the network or its training.
_DESCRIPTIVE = ("name", "summary", "parent")


class UnknownVariantError(ValueError):
    """No variant of that name is registered. The message lists those that are."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One AlexNet and the part of its training that is its own.

    Attributes:
        name: lower-case identifier; also the name of its folder under the results.
        summary: one line for people.
        parent: the variant that this one was derived from, None for the root.
        augmentation: which of the protocol's augmentations is applied ("none" for none).
        lr_decay: whether the learning rate steps down as the protocol says.
        batch_norm: batch normalisation after each convolution, before its ReLU.
        dropout: probability that an output of the first two fully connected layers is
            set to zero in training (Krizhevsky et al. 2012, section 4.2).

    Raises:
        ValueError: if the name is not an identifier or dropout is outside [0, 1).
    """

    name: str
    summary: str
    parent: str | None = None
    augmentation: str = "standard"
    lr_decay: bool = True
    batch_norm: bool = False
    dropout: float = 0.5

    def __post_init__(self) -> None:
        # The name becomes a folder: anything else could leave the results folder.
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"{self.name!r} is no variant name: use a-z, 0-9 and _")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"{self.name}: dropout is {self.dropout}, not in [0, 1)")

    def derive(self, name: str, summary: str, **changed: Any) -> Variant:
        """Return a variant that differs from this one in the fields given.

        Raises:
            TypeError: if a field does not exist.
        """
        return dataclasses.replace(self, name=name, summary=summary, parent=self.name, **changed)

    def settings(self) -> dict[str, Any]:
        """The fields that decide what is trained and how, without name and description."""
        fields = dataclasses.asdict(self)
        return {key: value for key, value in fields.items() if key not in _DESCRIPTIVE}


def changes(variant: Variant, base: Variant) -> dict[str, Any]:
    """The settings of `variant` that differ from those of `base`, as {field: value}."""
    reference = base.settings()
    return {k: v for k, v in variant.settings().items() if v != reference[k]}


_registry: dict[str, Variant] = {}


def register(variant: Variant) -> Variant:
    """Add a variant to the registry and return it.

    Raises:
        ValueError: if the name is taken.
    """
    if variant.name in _registry:
        raise ValueError(f"a variant named {variant.name!r} is registered already")
    _registry[variant.name] = variant
    return variant


def names() -> list[str]:
    """The registered names, in the order of registration."""
    return list(_registry)


def get(name: str) -> Variant:
    """Look a variant up.

    Raises:
        UnknownVariantError: naming the nearest registered variant and all of them.
    """
    if name not in _registry:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownVariantError(
            f"unknown variant {name!r}.{hint} Known variants: {', '.join(names())}."
        )
    return _registry[name]
