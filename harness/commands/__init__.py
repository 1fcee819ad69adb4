"""Commands that are more than a few lines, by theme. `harness.cli` gathers them."""
