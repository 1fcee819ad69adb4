"""Monte Carlo error rates, coverage and power of the decision file's rules."""
