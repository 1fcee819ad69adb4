"""AlexNet for 32x32 images in Keras, and weights carried from PyTorch's layout to Keras' and back.

Import this only after Keras' backend is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import torch
from keras import layers
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]


def network(channels: Sequence[int], hidden: int, classes: int = 10) -> keras.Model:
    """The network of the variant `keras_sgd`, without dropout; images are [N, 32, 32, 3].

    The first layer pads on all four sides, as PyTorch does: with stride 2 Keras' own
    `padding="same"` would pad at the bottom and on the right only.
    """

    def convolution(filters: int, **options: object) -> keras.Layer:
        return layers.Conv2D(filters, 3, activation="relu", **options)

    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.ZeroPadding2D(1),
            convolution(channels[0], strides=2),
            layers.MaxPooling2D(2),
            convolution(channels[1], padding="same"),
            layers.MaxPooling2D(2),
            convolution(channels[2], padding="same"),
            convolution(channels[3], padding="same"),
            convolution(channels[4], padding="same"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(hidden, activation="relu"),
            layers.Dense(hidden, activation="relu"),
            layers.Dense(classes),
        ]
    )


def to_keras(state: Mapping[str, Tensor]) -> list[Array]:
    """Weights of `variants.network.AlexNet` in the order and layout of Keras.

    Kernels are [height, width, in, out] and [in, out] in Keras. It flattens feature maps with the
    channels last, so the inputs of the first linear layer are in another order as well.
    """
    channels = list(state.values())[8].shape[0]  # of the fifth convolution
    arrays = []
    for name, value in state.items():
        array = value.detach().cpu()
        if array.ndim == 4:
            array = array.permute(2, 3, 1, 0)
        elif array.ndim == 2:
            if name == "classifier.1.weight":
                side = round((array.shape[1] / channels) ** 0.5)
                maps = array.view(-1, channels, side, side)
                array = maps.permute(0, 2, 3, 1).flatten(1)
            array = array.T
        arrays.append(array.contiguous().numpy())
    return arrays


def weights(model: keras.Model) -> list[Array]:
    """Copies of a Keras model's weights, in its order and layout."""
    return [np.array(array) for array in model.get_weights()]


def images_last(images: Tensor) -> Array:
    """[N, C, H, W] -> [N, H, W, C]."""
    return torch.as_tensor(images).permute(0, 2, 3, 1).contiguous().numpy()
