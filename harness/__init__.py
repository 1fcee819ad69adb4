"""The harness: a fixed-seed protocol for training, judging and comparing variants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from harness.runs.record import RunRecord

__all__ = ["load_records", "run"]


# torch and pandas are imported where they are needed: `import harness` stays light.
def run(
    variant: str = "paper",
    seed: int = 0,
    dataset: str = "cifar10",
    *,
    retry_failed: bool = False,
    **options: Any,
) -> RunRecord:
    """Train and judge one variant, or return its record where that was done before.

    Args:
        variant, seed, dataset: as for the command `run`.
        retry_failed: train again what failed before.
        options: fields of `harness.runs.options.RunOptions`, such as `epochs=5` or `eager=True`;
            folders also as text.

    Raises:
        harness.errors.InputError: if an option is wrong or data are missing.
        variants.UnknownVariantError: if there is no such variant.
        TypeError: if there is no such option.
    """
    from harness.progress import Reporter
    from harness.runs.options import RunOptions
    from harness.sweep.session import train_all

    folders = {k: Path(options[k]) for k in ("data_dir", "results") if options.get(k) is not None}
    chosen = RunOptions(dataset=dataset, **{**options, **folders})
    (outcome,) = train_all([variant], [seed], chosen, Reporter(), retry_failed=retry_failed)
    return outcome.record


def load_records(directory: str | Path = "results") -> pd.DataFrame:
    """All readable records below a folder, one row for each run, nested fields as `a.b`.

    Raises:
        harness.errors.InputError: if there is no such folder.
    """
    import pandas as pd

    from harness.runs.store import load_all

    records, _ = load_all(Path(directory))
    return pd.json_normalize([record.model_dump() for record in records])
