"""AlexNet for 32x32 images, parameterized by a Variant.

Layer sizes are those of the CIFAR form in common use: a 3x3 stride-2 stem, channels
64-192-384-256-256, three 2x2 poolings, fully connected 1024-4096-4096-classes;
23,272,266 parameters at 10 classes. Dropout acts on the outputs of the first two fully
connected layers (Krizhevsky, Sutskever, Hinton 2012, section 4.2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from variants.initialization import initialize
from variants.spec import Variant

CHANNELS = (64, 192, 384, 256, 256)
POOLED = (True, True, False, False, True)
# Krizhevsky et al. 2012: responses are normalized after the first two convolutions (section 3.5),
# and convolutions 2, 4 and 5 see half of the channels before them (figure 2).
NORMALIZED = (True, True, False, False, False)
GROUPED = (False, True, False, True, True)
HIDDEN = 4096
# Of the first convolution: kernel size, stride, padding, and side of the last feature map.
STEMS = {"3x3": (3, 2, 1, 2), "11x11": (11, 4, 5, 1)}


class Dropout(nn.Module):
    """Dropout with a generator of its own.

    `torch.nn.functional.dropout` takes no generator, so two networks trained in one
    process would change each other's masks. One draw of 64 random bits serves four
    units, which is several times faster on a CPU than a Bernoulli draw for each; the
    rate is therefore a multiple of 1/65536.

    Args:
        p: probability of zeroing a unit, in [0, 1).
        generator: source of the masks, on the device of the input; None means the
            global one of that device.
    """

    def __init__(self, p: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.p = p
        self.generator = generator

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def forward(self, x: Tensor) -> Tensor:
        """Zero each element with probability p and scale the rest by 1/(1-p)."""
        if not self.training or self.p == 0:
            return x
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        words.random_(-(2**63), None, generator=self.generator)
        halves = words.view(torch.int16)[: x.numel()].view(x.shape)
        keep = halves < round((1 - self.p) * 65536) - 32768
        return x * keep.to(x.dtype).mul_(1 / (1 - self.p))


class LocalResponseNorm(nn.Module):
    """Local response normalization across channels (Krizhevsky et al. 2012, section 3.3).

    Each value is divided by (k + alpha * sum of squares of `size` adjacent channels) ** beta.
    `torch.nn.LocalResponseNorm` divides alpha by the size, and its backward pass is not
    deterministic on CUDA; this sum of shifted slices is.

    Args:
        size: adjacent channels, odd, the channel itself included.
        alpha, beta, k: see above.
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
    ) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"

    def forward(self, x: Tensor) -> Tensor:
        """Normalize [N, C, H, W] in float32; the result has the type of the input."""
        channels, half = x.shape[1], self.size // 2
        values = x.float()
        padded = F.pad(values * values, (0, 0, 0, 0, half, half))
        total = padded[:, :channels]
        for shift in range(1, self.size):
            total = total + padded[:, shift : shift + channels]
        return (values * (self.k + self.alpha * total) ** -self.beta).to(x.dtype)


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers for [N, 3, 32, 32] images.

    Args:
        num_classes: width of the last layer.
        in_chans: color channels of the input.
        dropout: rate on the first two fully connected layers.
        batch_norm, lrn, overlapping_pool, groups, stem: see `variants.spec.Variant`.
        dropout_generator: see `Dropout`.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_chans: int = 3,
        dropout: float = 0.5,
        batch_norm: bool = False,
        lrn: bool = False,
        overlapping_pool: bool = False,
        groups: int = 1,
        stem: str = "3x3",
        dropout_generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        stem_size, stem_stride, stem_padding, side = STEMS[stem]
        layers: list[nn.Module] = []
        width = in_chans
        for i, channels in enumerate(CHANNELS):
            layers.append(
                nn.Conv2d(width, channels, stem_size, stem_stride, stem_padding)
                if i == 0
                else nn.Conv2d(width, channels, 3, padding=1, groups=groups if GROUPED[i] else 1)
            )
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU(inplace=True))
            if lrn and NORMALIZED[i]:
                layers.append(LocalResponseNorm())
            if POOLED[i]:
                layers.append(
                    nn.MaxPool2d(3, stride=2, padding=1) if overlapping_pool else nn.MaxPool2d(2)
                )
            width = channels
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(width * side * side, HIDDEN),
            nn.ReLU(inplace=True),
            Dropout(dropout, dropout_generator),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(inplace=True),
            Dropout(dropout, dropout_generator),
            nn.Linear(HIDDEN, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map images [N, in_chans, 32, 32] to logits [N, num_classes]."""
        logits: Tensor = self.classifier(self.features(x))
        return logits


def build(
    variant: Variant,
    num_classes: int,
    init_generator: torch.Generator,
    dropout_generator: torch.Generator | None = None,
) -> AlexNet:
    """Build the network of a variant, initialized on the CPU from `init_generator`.

    Weights are drawn on the CPU whatever the device of the training, so that a seed means
    the same start everywhere.

    Args:
        variant: gives the network's settings and its initialization.
        num_classes: width of the last layer.
        init_generator: on the CPU; the only source of the initial weights.
        dropout_generator: see `Dropout`.
    """
    with torch.device("meta"):  # no weights yet: torch would draw them from the global generator
        model = AlexNet(
            num_classes=num_classes,
            dropout=variant.dropout,
            batch_norm=variant.batch_norm,
            lrn=variant.lrn,
            overlapping_pool=variant.overlapping_pool,
            groups=variant.groups,
            stem=variant.stem,
            dropout_generator=dropout_generator,
        )
    model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()  # ones and zeros: no draw
    initialize(model, init_generator, variant.initialization)
    return model
