"""Compare single runs, from any machine, with reference runs of the same setting."""
