"""Say what records show: the answer, tables, figures, and the pages that are made of them."""
