"""Figures of runs, variants and budgets."""
