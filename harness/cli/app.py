"""The command line: parses and prints. What needs torch is imported inside the commands."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
from typing import Any

import typer

import variants
from harness.cli import export, inspect, integrity, report, results
from harness.cli.calibrate import calibrate
from harness.cli.run import run
from harness.cli.studies import cross_validate, search
from harness.cli.sweep import sweep
from harness.errors import InputError, RunFailedError, UnwritableError
from harness.formatting import printable

INTERRUPTED = 130

TERMINATED = 143

# Commands that train, and options with which they do not.
TRAINING = {"run", "sweep", "calibrate", "search", "cross-validate"}

NOT_TRAINING = {"--profile", "--dry-run", "--status"}

# What writing to a full standard output gives.
_OUTPUT_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EIO}

# Newer versions of Typer bring a click of their own: ClickException is reached through a name
# that all of them export.
ClickException: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Does AlexNet reproduce a paper's 75 % on CIFAR-10? Train variants and compare.",
)


COMMANDS = (
    *(run, calibrate, sweep, search, cross_validate),
    *(results.compare, results.audit, results.verdict),
    *(report.report, report.explain, report.docs),
    *(inspect.list_variants, inspect.show, inspect.data),
    *(export.evaluate, export.export),
    *(integrity.verify, integrity.check, integrity.diff, integrity.bundle, integrity.merge),
)

for command in COMMANDS:  # Typer takes the function's name if it is given none
    app.command("list" if command is inspect.list_variants else None)(command)


class Terminated(BaseException):
    """SIGTERM came: what KeyboardInterrupt is to Ctrl-C."""


def main() -> None:
    """Run a command; turn what went wrong into one line and an exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status = typer.main.get_command(app).main(
            prog_name="python -m harness", standalone_mode=False
        )
        sys.stdout.flush()  # what cannot be written must be found out here
    except ClickException as error:
        if not sys.argv[1:]:  # the message is the help
            print(error.format_message(), file=sys.stderr)
            sys.exit(2)
        _end(" ".join(error.format_message().split()), 2)
    except UnwritableError as error:
        kept = ": nothing that was finished is lost" if _trains() else ""
        _end(f"{error} Name another place, or mend that and give the same command again{kept}.", 2)
    except (InputError, variants.UnknownVariantError) as error:
        _end(str(error), 2)
    except OSError as error:
        if error.errno == errno.EPIPE and error.filename is None:
            _discard_output()
            sys.exit(1)
        if error.errno in _OUTPUT_FAULTS and error.filename is None:
            _discard_output()
            _end(f"cannot write the output ({error.strerror}): write it to another place.", 2)
        if error.filename is None:  # no file's fault
            raise
        _end(f"cannot use {error.filename} ({error.strerror}): name another file or mend that.", 2)
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


def _discard_output() -> None:
    """Let what is left of the standard output go nowhere, so that Python's end does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminate(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; what follows tidies up
    raise Terminated


def _end(message: str, status: int) -> None:
    # Options and files may hold any characters: one line, whatever they are.
    print(f"harness: {printable(message, limit=None)}", file=sys.stderr)
    sys.exit(status)
