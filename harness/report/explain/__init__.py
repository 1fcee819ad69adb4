"""Explanations of a trained network's predictions."""
