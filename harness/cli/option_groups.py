"""Options that commands share as a group: a command takes a group as one parameter."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from harness.cli.options import (
    ArchiveOption,
    DataDirOption,
    DatasetOption,
    ResultsOption,
    RetryFailedOption,
    VariantsFromOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from harness.runs.options import RunOptions
    from harness.runs.spec import RunSpec
    from harness.sweep.grid import AfterRun, Grid


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Of every command that trains: on which data and device, and where the results go."""

    dataset: DatasetOption = "cifar10"
    data_dir: DataDirOption = None
    archive: ArchiveOption = None
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto"
    results: ResultsOption = Path("results")
    eager: Annotated[
        bool, typer.Option("--eager", help="Train without a CUDA graph: slower, for when it fails.")
    ] = False

    def run_options(self, *, validation: bool = False) -> RunOptions:
        """Return the options of the runs."""
        from harness.runs.options import RunOptions

        return RunOptions(
            dataset=self.dataset,
            data_dir=self.data_dir,
            archive=self.archive,
            device=self.device,
            results=self.results,
            eager=self.eager,
            validation=validation,
        )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(PlaceOptions):
    """Of every command that trains variants by name: how they are trained, too."""

    variants_from: VariantsFromOption = None
    precision: Annotated[
        str | None, typer.Option(help="fp32 or bf16. [default: the protocol's]")
    ] = None
    epochs: Annotated[int | None, typer.Option(help="[default: the protocol's]")] = None
    retry_failed: RetryFailedOption = False

    def run_options(self, *, validation: bool = False) -> RunOptions:
        """Return the options of the runs."""
        options = super().run_options(validation=validation)
        return dataclasses.replace(options, precision=self.precision, epochs=self.epochs)


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Of every command that trains a grid of runs: what trains them, and how many at once."""

    workers: WorkersOption = None
    time_limit: Annotated[
        float | None,
        typer.Option(min=0, metavar="MIN", help="Start no run that would end later than this."),
    ] = None
    status: Annotated[
        bool, typer.Option("--status", help="Print the status of each run; train nothing.")
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the runs and their estimated cost; train nothing."),
    ] = False
    engine: Annotated[str, typer.Option(help="local or slurm.")] = "local"
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="TOML file with settings for the engine.")
    ] = None
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting for the engine, such as time=120."
        ),
    ] = None

    def grid(
        self,
        specs: Sequence[RunSpec],
        options: RunOptions,
        *,
        retry_failed: bool,
        after_run: AfterRun | None = None,
    ) -> Grid:
        """Return the grid of these runs.

        Raises:
            InputError: if the settings cannot be read.
        """
        from harness.sweep import settings
        from harness.sweep.grid import Grid

        return Grid(
            specs=tuple(specs),
            options=options,
            retry_failed=retry_failed,
            after_run=after_run,
            workers=self.workers,
            time_limit=None if self.time_limit is None else 60 * self.time_limit,
            settings=settings.read(self.settings_file, self.pairs or []),
        )

    def print_plan(self, grid: Grid) -> bool:
        """Print what `--status` or `--dry-run` asks for; False if neither is given."""
        from harness.sweep import engines, estimates
        from harness.sweep.grid import status_lines

        chosen = engines.get(self.engine)
        if self.status:
            print("\n".join(status_lines(grid, chosen.queued(grid))))
        elif self.dry_run:
            print("\n".join(estimates.dry_run_report(grid, chosen.capacity(grid))))
        return self.status or self.dry_run

    def train(self, grid: Grid) -> None:
        """Train the runs of a grid that are not done."""
        from harness.sweep import engines

        engines.get(self.engine).run(grid)


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes the fields of its groups as options of its own.

    Typer makes an option of each parameter of a function. Here a parameter that is a dataclass
    becomes one parameter for each of its fields.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = parameter.annotation
        if isinstance(group, type) and dataclasses.is_dataclass(group):
            groups[parameter.name] = group
            parameters += _of_fields(group)
        else:
            parameters.append(parameter)

    @functools.wraps(command)
    def spread_command(**values: Any) -> None:
        made = {
            name: group(**{f.name: values.pop(f.name) for f in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        command(**values, **made)

    spread_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spread_command.__annotations__ = {p.name: p.annotation for p in parameters}
    return spread_command


def _of_fields(group: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        required = field.default is dataclasses.MISSING
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if required else field.default,
            annotation=hints[field.name],
        )
