"""Exceptions for errors that are not bugs; each becomes an exit status."""


class InputError(Exception):
    """Bad input or missing data: one line that says what is wrong and what to do (exit 2)."""


class RunFailedError(Exception):
    """A run failed: it diverged or ran out of memory (exit 1)."""


class UnwritableError(InputError):
    """A file cannot be written, for example on a full disk, so no other file can be either."""


def missing_extra(what: str, package: str, extra: str) -> InputError:
    """Return the error that a package of an extra is not installed.

    Args:
        what: needs the package: a command or an option.
        package: its name.
        extra: of this package, which installs it.
    """
    install = f"python -m pip install -c constraints.txt -e '.[{extra}]'"
    return InputError(f"{what} needs {package}: {install}")
