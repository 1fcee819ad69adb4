"""Whether stored results can be trusted: check, repeat, pack and merge them."""
