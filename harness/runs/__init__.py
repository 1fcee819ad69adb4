"""One run on disk: specification, folder, lock, status and record. No torch is imported."""
