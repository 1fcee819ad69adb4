"""Tables and sentences as Markdown, LaTeX, CSV and JSON."""
