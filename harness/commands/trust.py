"""`verify` and `check`: can a stored number be trusted?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import ArchiveOption, DataDirOption, OwnDataOption, own_data
from harness.errors import InputError, RunFailedError


def verify(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a stored run.")],
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: Annotated[
        str, typer.Option(help="auto (the kind that the run used), cpu, cuda or cuda:N.")
    ] = "auto",
) -> None:
    """Repeat a stored run from its record and compare it bit for bit.

    A run on a CPU is repeated with as many threads as it had, unless OMP_NUM_THREADS is set.
    """
    from harness import machine, progress, record

    try:
        stored = record.load(run_dir / record.FILE)
        record.variant_of(stored)
        record.protocol_of(stored)
    except record.DamagedRecordError as error:
        raise InputError(str(error)) from error
    machine.take_threads(stored.environment)

    from harness.device import choose_device, keep_freed_memory
    from harness.plan import Options
    from harness.seeding import make_deterministic
    from harness.verify import verify

    make_deterministic()
    place = choose_device(stored.environment["device_type"] if device == "auto" else device)
    if place.type == "cpu":
        keep_freed_memory()
    options = Options(dataset=stored.dataset["name"], data_dir=data_dir, archive=archive)
    finding = verify(stored, options.load_data(), place, progress.for_terminal())
    for line in finding.lines:
        print(line)
    if not finding.same:
        raise RunFailedError(f"{run_dir} could not be repeated (see above).")


def check(
    results: Annotated[Path, typer.Argument(help="A results folder, or one run's.")] = Path(
        "results"
    ),
    data_dir: OwnDataOption = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules and stop.")] = False,
) -> None:
    """Hold every stored record against the rules; name each breach."""
    from harness.check import check, rule_list

    if rules:
        for number, rule in enumerate(rule_list(), start=1):
            print(f"{number}. {rule}")
        return
    count, breaches = check(results, own_data(data_dir))
    for breach in breaches:
        print(f"{breach.path}: {breach.rule}: {breach.fault}")
    if not count:
        raise InputError(f"no record below {results}: nothing was checked.")
    broken = len({breach.path for breach in breaches})
    print(f"{count} record{'s' * (count != 1)} checked; {broken} break a rule")
    if breaches:
        raise RunFailedError(
            f"breaches of rules: {len(breaches)}, in {broken} of {count} (see above)."
        )
