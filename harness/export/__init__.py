"""Stored networks outside their run: evaluated on any dataset, and exported to other formats."""
