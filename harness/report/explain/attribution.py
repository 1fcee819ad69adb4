"""Explain predictions of a trained network by Grad-CAM, LIME and SHAP, with captum.

The paper proposes LIME and SHAP as future work (section 4.3). All three explain the predicted
class, whether it is right or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import KernelShap, LayerAttribution, LayerGradCam, Lime
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor, nn

from harness.export import stored_network
from harness.export.finished_run import FinishedRun
from harness.training.augmentation import Normalize
from harness.training.seeding import derive
from variants.network import AlexNet

Map = NDArray[np.float32]

# Normalized images [B, 3, H, W] -> probabilities [B, classes].
Score = Callable[[Tensor], Tensor]

# Input of the third pooling: 4x4, of which pooling leaves 2x2. Earlier layers have finer maps that
# follow edges rather than objects.
LAYER = "the last convolution, before pooling (4x4)"

_SEGMENTS = 6  # superpixels along a side

_COMPACTNESS = 2.0  # weight of position relative to colour, both 0 to 1

_BATCH = 250


@dataclass(frozen=True)
class ExplainedImage:
    """One image and its attribution maps.

    Attributes:
        index: index in the evaluation images.
        image: uint8 [H, W, 3].
        truth: name of its class.
        guess: name of the predicted class.
        probability: probability of the predicted class, 0 to 1.
        cam: Grad-CAM, float32 [H, W], 0 to 1.
        lime: weight of each superpixel in a local linear model of the probability of `guess`,
            float32 [H, W]; negative if the superpixel lowers it.
        shap: Shapley value of each superpixel for that probability, float32 [H, W].
    """

    index: int
    image: NDArray[np.uint8]
    truth: str
    guess: str
    probability: float
    cam: Map
    lime: Map
    shap: Map


def load_network(run: FinishedRun) -> AlexNet:
    """Load the trained network of a run, in evaluation mode.

    Raises:
        InputError: if the weights are missing, damaged, or not those of the record.
    """
    model = stored_network.load_network(run.weights, run.record)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # Grad-CAM reads its input after the forward pass
    return model


def superpixels(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Divide an image into patches of similar colour.

    As in SLIC (Achanta et al. 2012), k-means over colour and position starts from a regular grid,
    but over the whole image, because 32x32 pixels are few.

    Args:
        image: uint8 [H, W, 3].

    Returns:
        The number of the patch of each pixel, int64 [H, W], from 0; the same for the same image.
    """
    height, width = image.shape[:2]
    position = np.moveaxis(np.indices((height, width)), 0, -1) / max(height, width)
    points = np.concatenate([image / 255, _COMPACTNESS * position], -1)
    starts = [((np.arange(_SEGMENTS) + 0.5) * n / _SEGMENTS).astype(int) for n in (height, width)]
    centres = points[np.ix_(*starts)].reshape(-1, 5)
    method = KMeans(len(centres), init=centres, n_init=1, random_state=0)  # type: ignore[no-untyped-call]
    labels = method.fit_predict(points.reshape(-1, 5))  # type: ignore[no-untyped-call]
    # Renumbered without gaps, because a cluster may be empty.
    return np.unique(labels, return_inverse=True)[1].reshape(height, width).astype(np.int64)


def grad_cam(model: AlexNet, images: Tensor, targets: Tensor) -> Map:
    """Compute Grad-CAM of the last convolution (Selvaraju et al. 2017).

    Args:
        model: the network.
        images: normalized, float32 [N, 3, H, W].
        targets: class indices, int64 [N].

    Returns:
        float32 [N, H, W]; each map is scaled to a maximum of 1, or is 0 everywhere.
    """
    layer = [module for module in model.features if isinstance(module, nn.ReLU)][-1]
    small = LayerGradCam(model, layer).attribute(images, target=targets, relu_attributions=True)
    size = tuple(images.shape[-2:])
    large = LayerAttribution.interpolate(small, size, "bilinear")[:, 0].detach()
    maps: Map = (large / large.amax((1, 2), keepdim=True).clamp(min=1e-12)).numpy()
    return maps


def lime(
    score: Score, image: Tensor, patches: Tensor, baseline: Tensor, target: int, samples: int
) -> Map:
    """Compute LIME: weights of a local linear model of the probability (Ribeiro et al. 2016).

    Args:
        score: the network.
        image: normalized, float32 [1, 3, H, W].
        patches: number of the patch of each pixel, int64 [H, W].
        baseline: the pixels of hidden patches, as `image`.
        target: class index.
        samples: number of images with hidden patches.

    Returns:
        float32 [H, W].
    """
    method = Lime(score, interpretable_model=SkLearnRidge(alpha=1.0))
    return _attribute(method, image, patches, baseline, target, samples)


def shap(
    score: Score, image: Tensor, patches: Tensor, baseline: Tensor, target: int, samples: int
) -> Map:
    """Compute Shapley values of patches by weighted regression (Lundberg and Lee 2017).

    They add up to the probability with all patches minus that with none. Arguments and result are
    as for `lime`.
    """
    return _attribute(KernelShap(score), image, patches, baseline, target, samples)


def _attribute(
    method: Lime | KernelShap,
    image: Tensor,
    patches: Tensor,
    baseline: Tensor,
    target: int,
    samples: int,
) -> Map:
    attributions: Map = (
        method.attribute(
            image,
            baselines=baseline,
            target=target,
            feature_mask=patches.expand(image.shape),
            n_samples=samples,
            perturbations_per_eval=_BATCH,
        )[0, 0]
        .detach()
        .numpy()
    )
    return attributions


def explain(
    model: AlexNet,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    chosen: Sequence[int],
    classes: Sequence[str],
    normalize: Normalize,
    hidden: Sequence[float],
    seed: int,
    samples: int,
) -> list[ExplainedImage]:
    """Compute all maps of chosen images; the same for the same arguments.

    Args:
        model: the network in evaluation mode, on the CPU.
        images: the evaluation images, uint8 [N, H, W, 3].
        labels: their classes, int64 [N].
        chosen: indices of the images to explain.
        classes: names of the classes.
        normalize: the normalization of the run.
        hidden: colour (0 to 255) that hides patches: the mean of the training images.
        seed: seed for the patches that LIME and SHAP hide.
        samples: number of images with hidden patches, for each image and each of the two methods.
    """
    inputs = normalize(torch.from_numpy(images[list(chosen)]).permute(0, 3, 1, 2))
    baseline = normalize(torch.tensor(hidden).reshape(1, 3, 1, 1)).expand_as(inputs[:1])

    @torch.no_grad()
    def score(batch: Tensor) -> Tensor:
        outputs: Tensor = model(batch).softmax(1)
        return outputs

    probabilities, guesses = score(inputs).max(1)
    cams = grad_cam(model, inputs, guesses)
    explained = []
    for row, index in enumerate(chosen):
        patches = torch.from_numpy(superpixels(images[index]))
        target = int(guesses[row])
        maps = {}
        for name, method in (("lime", lime), ("shap", shap)):
            with torch.random.fork_rng(devices=[]):  # captum draws from the global generator
                torch.manual_seed(derive(seed, name, index))
                image = inputs[row : row + 1]
                maps[name] = method(score, image, patches, baseline, target, samples)
        explained.append(
            ExplainedImage(
                index=index,
                image=images[index],
                truth=classes[labels[index]],
                guess=classes[target],
                probability=float(probabilities[row]),
                cam=cams[row],
                **maps,
            )
        )
    return explained
