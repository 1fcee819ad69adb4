"""One run: seeding, augmentation, the training loop, metrics and checkpoints."""
