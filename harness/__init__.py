"""The harness: a fixed-seed protocol for training, judging and comparing variants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from harness.record import RunRecord

__all__ = ["load_records", "run"]


# torch and pandas are imported where they are needed: `import harness` stays light.
def run(
    variant: str = "paper",
    seed: int = 0,
    dataset: str = "cifar10",
    *,
    data_dir: str | Path | None = None,
    archive: str | None = None,
    device: str = "auto",
    precision: str | None = None,
    epochs: int | None = None,
    validation: bool = False,
    results: str | Path = "results",
) -> RunRecord:
    """Train and judge one variant, or return its record where that was done before.

    The options are those of the command `run`.

    Raises:
        harness.errors.InputError: if an option is wrong or data are missing.
        variants.UnknownVariantError: if there is no such variant.
    """
    from harness.experiment import execute
    from harness.plan import Options
    from harness.progress import Reporter

    options = Options(
        dataset=dataset,
        data_dir=None if data_dir is None else Path(data_dir),
        archive=archive,
        device=device,
        precision=precision,
        epochs=epochs,
        validation=validation,
        results=Path(results),
    )
    (outcome,) = execute([variant], [seed], options, Reporter())
    return outcome.record


def load_records(directory: str | Path = "results") -> pd.DataFrame:
    """All readable records below a folder, one row for each run, nested fields as `a.b`.

    Raises:
        harness.errors.InputError: if there is no such folder.
    """
    import dataclasses

    import pandas as pd

    from harness.record import load_all

    records, _ = load_all(Path(directory))
    return pd.json_normalize([dataclasses.asdict(r) for r in records])
