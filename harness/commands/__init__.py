"""The commands by theme; `harness.cli` puts them together."""
