"""Train, evaluate and compare AlexNet variants under one fixed protocol.

What trains writes run records and needs torch; what judges reads them and does not.
docs/architecture.md has a map.
"""

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
    """Train and evaluate one variant, or return the record of a run that is done already.

    Args:
        variant: name of a registered variant.
        seed: seed of the run.
        dataset: "cifar10", "folder" or "digits".
        retry_failed: train the run again if it failed before.
        options: further fields of `harness.runs.options.RunOptions`, such as `epochs=5` or
            `eager=True`; folders may be strings.

    Returns:
        The record; if the run failed, its `reason` says why and its `metrics` are None.

    Raises:
        harness.errors.InputError: if an option is invalid or the data are missing.
        variants.UnknownVariantError: if no variant has that name.
        TypeError: if no option has that name.
    """
    from harness.progress import Reporter
    from harness.runs import status
    from harness.runs.options import RunOptions
    from harness.runs.spec import run_specs
    from harness.sweep.loop import prepare, train_open_runs

    folders = {k: Path(options[k]) for k in ("data_dir", "results") if options.get(k) is not None}
    run_options = RunOptions(dataset=dataset, **{**options, **folders})
    (spec,) = run_specs([variant], [seed], run_options)
    if retry_failed:
        spec = status.as_retry(spec)
    (result,) = train_open_runs([spec], prepare(run_options), Reporter())
    return result.record


def load_records(directory: str | Path = "results") -> pd.DataFrame:
    """Load all readable records below a folder into a table; warn of each that is not.

    Returns:
        One row per run; nested fields are columns such as `metrics.accuracy`. The file `runs.csv`
        of a results folder has the main columns, under the same names.

    Raises:
        harness.errors.InputError: if the folder does not exist.
    """
    import warnings

    from harness.runs import table
    from harness.runs.store import load_all

    records, damaged = load_all(Path(directory))
    for fault in damaged:
        warnings.warn(f"left out: {fault}", stacklevel=2)
    return table.frame(records)
