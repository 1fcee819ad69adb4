"""Studies of several runs, read from their records, and the interval of a cross-validation."""
