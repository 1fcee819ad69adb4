"""Every variant that is only a choice of settings.

A new one is one entry here: commands, tables and tests pick it up from the registry.
"""

from variants.spec import Variant, register

PAPER = register(
    Variant(name="paper", summary="the paper's final settings: augmentation, decay, dropout 0.5")
)
NO_AUGMENTATION = register(
    PAPER.derive("no_augmentation", "the paper's images as they are", augmentation="none")
)
NO_LR_DECAY = register(
    PAPER.derive("no_lr_decay", "one learning rate from start to end", lr_decay=False)
)
BASELINE = register(
    NO_AUGMENTATION.derive("baseline", "neither augmentation nor decay", lr_decay=False)
)
BATCH_NORM = register(
    PAPER.derive("batch_norm", "batch normalisation after each convolution", batch_norm=True)
)
DROPOUT_0 = register(PAPER.derive("dropout_0", "no dropout", dropout=0.0))
DROPOUT_25 = register(PAPER.derive("dropout_25", "dropout 0.25", dropout=0.25))
DROPOUT_75 = register(PAPER.derive("dropout_75", "dropout 0.75", dropout=0.75))
