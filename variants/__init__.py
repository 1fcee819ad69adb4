"""AlexNet variants and their registry; `harness` trains and compares them."""

from variants import catalog as _catalog  # noqa: F401  (registers the variants)
from variants.spec import (
    FAMILIES,
    UnknownVariantError,
    Variant,
    changes,
    get,
    in_order,
    names,
    register,
    register_file,
)

__all__ = [
    "FAMILIES",
    "UnknownVariantError",
    "Variant",
    "changes",
    "get",
    "in_order",
    "names",
    "register",
    "register_file",
]
