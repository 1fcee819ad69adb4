"""Whole pages: what `compare` and `verdict` print, results/README.md, the report."""
