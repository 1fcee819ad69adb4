"""All variants, each defined by what it changes in its parent.

To add a variant, add an entry here; commands, tables and tests read the registry.
"""

from variants.spec import Variant, register

# Ablations: the eight variants of the pre-registered analysis, `paper` and what is compared with
# it. No others: new variants are extensions or readings.
PAPER = register(
    Variant(name="paper", summary="the paper's final settings: augmentation, decay, dropout 0.5")
)
NO_AUGMENTATION = register(
    PAPER.derive("no_augmentation", "training images as they are", augmentation="none")
)
NO_LR_DECAY = register(
    PAPER.derive("no_lr_decay", "one learning rate from start to end", lr_decay=False)
)
BASELINE = register(
    NO_AUGMENTATION.derive("baseline", "neither augmentation nor decay", lr_decay=False)
)
BATCH_NORM = register(
    PAPER.derive("batch_norm", "batch normalization after each convolution", batch_norm=True)
)
DROPOUT_0 = register(PAPER.derive("dropout_0", "no dropout", dropout=0.0))
DROPOUT_25 = register(PAPER.derive("dropout_25", "dropout 0.25", dropout=0.25))
DROPOUT_75 = register(PAPER.derive("dropout_75", "dropout 0.75", dropout=0.75))

# Extensions: what the paper names as future work (sections 4.3 and 5), and ingredients of the
# AlexNet of 2012 that the CIFAR network leaves out. One change each; exploratory.
EXTENSION = {"family": "extensions"}
GEOMETRIC = register(
    PAPER.derive(
        "geometric",
        "crop and flip with rotation, translation and zoom",
        augmentation="geometric",
        **EXTENSION,
    )
)
MIXUP = register(PAPER.derive("mixup", "mixup, alpha 1", mixing="mixup", **EXTENSION))
CUTMIX = register(PAPER.derive("cutmix", "CutMix, alpha 1", mixing="cutmix", **EXTENSION))
LRN = register(PAPER.derive("lrn", "local response normalization", lrn=True, **EXTENSION))
OVERLAPPING_POOL = register(
    PAPER.derive(
        "overlapping_pool", "3x3 pooling with stride 2", overlapping_pool=True, **EXTENSION
    )
)

# Readings: other ways to read the paper's text, with one or several changes; exploratory.
READING = {"family": "readings"}
KERAS_SGD = register(
    PAPER.derive(
        "keras_sgd",
        "the defaults of Keras: plain SGD, batch 32, Glorot uniform, pixels / 255",
        augmentation="geometric",
        pixel_scaling="unit",
        learning_rate=0.01,
        momentum=0.0,
        weight_decay=0.0,
        batch_size=32,
        initialization="glorot",
        **READING,
    )
)
LOW_LR = register(PAPER.derive("low_lr", "learning rate 0.001", learning_rate=0.001, **READING))
STEM_11X11 = register(
    PAPER.derive("stem_11x11", "first convolution 11x11, stride 4", stem="11x11", **READING)
)
KRIZHEVSKY_2012 = register(
    PAPER.derive(
        "krizhevsky_2012",
        "closer to the network of 2012: LRN, overlapping pooling, two groups, its initial weights",
        lrn=True,
        overlapping_pool=True,
        groups=2,
        initialization="gaussian",
        **READING,
    )
)
