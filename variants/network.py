"""AlexNet for 32x32 images, parameterised by a Variant.

Layer sizes are those of the CIFAR form in common use: a 3x3 stride-2 stem, channels
64-192-384-256-256, three 2x2 poolings, fully connected 1024-4096-4096-classes;
23,272,266 parameters at 10 classes. Dropout acts on the outputs of the first two fully
connected layers (Krizhevsky, Sutskever, Hinton 2012, section 4.2).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from variants.spec import Variant

CHANNELS = (64, 192, 384, 256, 256)
POOLED = (True, True, False, False, True)
HIDDEN = 4096


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own.

    `torch.nn.functional.dropout` takes no generator, so two networks trained in one
    process would disturb each other's masks. One draw of 64 random bits serves four
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


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers for [N, 3, 32, 32] images.

    Args:
        num_classes: width of the last layer.
        in_chans: colour channels of the input.
        dropout: rate on the first two fully connected layers.
        batch_norm: batch normalisation after each convolution.
        dropout_generator: see `Dropout`.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_chans: int = 3,
        dropout: float = 0.5,
        batch_norm: bool = False,
        dropout_generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        layers: list[nn.Module] = []
        width = in_chans
        for i, (channels, pooled) in enumerate(zip(CHANNELS, POOLED, strict=True)):
            layers.append(nn.Conv2d(width, channels, 3, stride=2 if i == 0 else 1, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU(inplace=True))
            if pooled:
                layers.append(nn.MaxPool2d(2))
            width = channels
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(width * 2 * 2, HIDDEN),
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


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Give convolutions and linear layers PyTorch's default initialisation, drawn from `generator`.

    The default (kaiming_uniform with a = sqrt(5), biases alike) amounts to a uniform draw
    within 1/sqrt(fan_in). It is written out because torch's own takes no generator, and
    two networks of one seed should share every weight that both have.

    Args:
        model: a network on the generator's device.
        generator: the only source of randomness.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            for parameter in (module.weight, module.bias):
                if parameter is not None:
                    nn.init.uniform_(parameter, -bound, bound, generator=generator)


def build(
    variant: Variant,
    num_classes: int,
    init_generator: torch.Generator,
    dropout_generator: torch.Generator | None = None,
) -> AlexNet:
    """The network of a variant, initialised on the CPU from `init_generator`.

    Weights are drawn on the CPU whatever the device of the training, so that a seed means
    the same start everywhere.
    """
    with torch.device("meta"):  # no weights yet: torch would draw them from the global generator
        model = AlexNet(
            num_classes=num_classes,
            dropout=variant.dropout,
            batch_norm=variant.batch_norm,
            dropout_generator=dropout_generator,
        )
    model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()  # ones and zeros: no draw
    initialise(model, init_generator)
    return model
