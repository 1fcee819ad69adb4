"""The command line: parses and prints. What needs torch is imported inside the commands."""

from __future__ import annotations

import shlex
import signal
import sys
from typing import Annotated, Any

import typer

import variants
from harness.commands import judge, report, share, trust
from harness.commands.calibrate import calibrate
from harness.commands.options import ArchiveOption, DataDirOption, DatasetOption
from harness.commands.sweep import sweep
from harness.commands.train import run
from harness.errors import InputError, RunFailedError, UnwritableError

INTERRUPTED = 130
TERMINATED = 143
# Commands that train, and options with which they do not.
TRAINING = {"run", "sweep", "calibrate"}
NOT_TRAINING = {"--profile", "--dry-run", "--status"}
# Newer versions of Typer bring a click of their own: ClickException is reached through a name
# that all of them export.
ClickException: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Does AlexNet reach 75 % on CIFAR-10? Trains variants under one protocol and compares.",
)


app.command()(run)
app.command()(calibrate)
app.command()(sweep)
app.command()(judge.compare)
app.command()(judge.audit)
app.command()(judge.verdict)
app.command()(report.report)
app.command()(report.explain)


@app.command("list")
def list_variants() -> None:
    """The variants, and what each changes about the paper's settings."""
    from tabulate import tabulate

    paper = variants.get("paper")
    rows = []
    for name in variants.names():
        variant = variants.get(name)
        changed = ", ".join(f"{k}={v}" for k, v in variants.changes(variant, paper).items())
        rows.append((name, changed or "-", variant.summary))
    print(tabulate(rows, headers=("variant", "changes", "what it is")))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A variant.")],
    dataset: DatasetOption = "cifar10",
) -> None:
    """One variant resolved: settings, protocol, layers, parameters, cost."""
    variant = variants.get(name)
    from tabulate import tabulate

    from harness import protocols, summary

    protocol, _ = protocols.resolve(dataset)
    applied = protocol.augmentation[variant.augmentation]
    shared = {k: v for k, v in protocol.to_dict().items() if k != "augmentation"}
    about = summary.summarise(variant)
    print(f"{variant.name}: {variant.summary}\n")
    print(tabulate(_pairs(variant.settings()), headers=("its own setting", "value")))
    print(f"\naugmentation {variant.augmentation!r} on {dataset} is {applied}\n")
    print(tabulate(_pairs(shared), headers=("shared by all variants", "value")))
    headers = ("layer", "output", "parameters")
    print("\n" + tabulate(about.layers, headers=headers, intfmt=","))
    print(
        f"\n{about.parameters:,} parameters, "
        f"{about.multiply_adds / 1e6:.1f} M multiply-adds an image forward"
    )


def _pairs(fields: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in fields.items()]


@app.command()
def data(
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Fetch a dataset where it is missing, verify it and print its fingerprint."""
    from harness.plan import Options

    found = Options(dataset=dataset, data_dir=data_dir, archive=archive).load_data()
    print(f"{found.title}: {len(found.train):,} training and {len(found.test):,} test images")
    print(f"classes: {', '.join(found.classes)}")
    print(f"fingerprint: {found.fingerprint}")
    print(f"official archive: {'yes' if found.official else 'no'}")


app.command()(trust.verify)
app.command()(trust.check)
app.command()(share.bundle)
app.command()(share.merge)


class Terminated(BaseException):
    """SIGTERM came: what KeyboardInterrupt is to Ctrl-C."""


def main() -> None:
    """Run a command; turn what went wrong into one line and an exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status = typer.main.get_command(app).main(prog_name="harness", standalone_mode=False)
    except ClickException as error:
        _end(error.format_message(), 2)
    except UnwritableError as error:
        kept = ": nothing that was finished is lost" if _trains() else ""
        _end(f"{error} Name another place, or mend that and give the same command again{kept}.", 2)
    except (InputError, variants.UnknownVariantError) as error:
        _end(str(error), 2)
    except RunFailedError as error:
        _end(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Terminated:
        status = TERMINATED
    if status in (INTERRUPTED, TERMINATED):  # Typer's newer versions return 130 after Ctrl-C
        again = shlex.join(["python", "-m", "harness", *sys.argv[1:]])
        saved = "; finished epochs are saved. To go on" if _trains() else ". To start again"
        _end(f"interrupted{saved}: {again}", status)
    sys.exit(status)


def _trains() -> bool:
    return not TRAINING.isdisjoint(sys.argv[1:2]) and NOT_TRAINING.isdisjoint(sys.argv)


def _terminate(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; what follows tidies up
    raise Terminated


def _end(message: str, status: int) -> None:
    print(f"harness: {message}", file=sys.stderr)
    sys.exit(status)
