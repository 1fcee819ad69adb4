"""Tables, each defined once, and their writers for Markdown, LaTeX, CSV and JSON."""
