"""What the paper reports, claims and leaves open, as data."""
