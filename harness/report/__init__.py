"""The report: a results folder as one HTML file that opens offline, and its figures as files."""
