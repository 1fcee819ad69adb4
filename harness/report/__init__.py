"""Turn a results folder into one HTML file that opens offline, and into figure files."""
