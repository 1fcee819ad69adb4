"""AlexNet variants: what is compared. How they are compared is `harness`."""

from variants import catalog as _catalog  # noqa: F401  (registers the variants)
from variants.spec import UnknownVariantError, Variant, changes, get, names, register

__all__ = ["UnknownVariantError", "Variant", "changes", "get", "names", "register"]
