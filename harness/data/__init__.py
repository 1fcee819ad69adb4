"""Datasets: readers, fingerprints, the validation split and folds."""
