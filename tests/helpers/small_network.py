"""Networks of all variants with narrow layers, which train in a fraction of the time.

The architecture and all code are the same; only the numbers of channels and hidden units are
smaller. Tests train these networks unless they are about the published sizes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from variants import network

PUBLISHED_SIZES = network.CHANNELS, network.HIDDEN


def resize(channels: tuple[int, ...] = (8, 16, 16, 16, 16), hidden: int = 32) -> None:
    """Build networks of these sizes in this process from now on."""
    network.CHANNELS = channels  # type: ignore[assignment]
    network.HIDDEN = hidden
    # Commands in new interpreters do not all import it.
    if rules := sys.modules.get("harness.integrity.description_rules"):
        rules.parameter_count.cache_clear()


@contextmanager
def published() -> Iterator[None]:
    """Build networks of the published sizes in the block, and narrow ones after it."""
    resize(*PUBLISHED_SIZES)
    try:
        yield
    finally:
        resize()
