"""Where images come from: the official CIFAR-10 archive, image folders, embedded digits.

Each module but `source` has one `read(directory, archive)`, which returns arrays of one form
and never falls back on another source. They are imported when asked for: torchvision and
scikit-learn take longer to import than a folder to read.
"""

from harness.sources.source import Source, read

__all__ = ["Source", "read"]
