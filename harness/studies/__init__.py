"""Studies of several runs: a search over settings, and a cross-validation."""
