"""The two ways in which a command can go wrong that are not a bug."""


class InputError(Exception):
    """Bad input or missing data: one line that says what is wrong and what to do (exit 2)."""


class RunFailedError(Exception):
    """A run could not be finished: it diverged or ran out of memory (exit 1)."""


class UnwritableError(InputError):
    """A file could not be written, as on a full disk: nothing else could be either."""
