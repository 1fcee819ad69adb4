"""An interrupted run of any variant resumes from its checkpoint and ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import variants
from harness.progress import Reporter, Row
from harness.runs.record import RunRecord
from harness.training import checkpoint


class CutOff(Reporter):
    """Interrupts a run after its first epoch."""

    def epoch(self, row: Row) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", variants.names())
def test_every_variant_resumes_with_the_same_bits(
    name: str, train: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(name, decay_at=(0.5,), results="cut off", reporter=CutOff())
    # Nothing else needs a checkpoint, and writing it takes longer than these epochs.
    monkeypatch.setattr(checkpoint.Writer, "offer", lambda writer, state: None)
    resumed = train(name, decay_at=(0.5,), results="cut off")
    whole = train(name, decay_at=(0.5,), results="whole")
    assert resumed.resumed_at == [1]
    timed = {"resumed_at": True, "train_seconds": True}
    rows = {"history": {"__all__": {"seconds", "images_per_second"}}}
    assert resumed.model_dump(exclude=timed | rows) == whole.model_dump(exclude=timed | rows)
