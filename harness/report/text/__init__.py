"""Sentences on results, each defined once."""
