"""What a trained network looks at: Grad-CAM, LIME and SHAP of single images, by captum.

The paper names the latter two as what should come next (section 4.3). All three explain the
class that the network chose, whether it is right or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import KernelShap, LayerAttribution, LayerGradCam, Lime
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor, nn

from harness.errors import InputError
from harness.runs import record, store
from harness.runs.record import RunRecord
from harness.training.augmentation import Normalize
from harness.training.runner import weights_sha256
from harness.training.seeding import derive
from variants.network import AlexNet, build

Map = NDArray[np.float32]

# Images [B, 3, H, W], normalised -> probabilities [B, classes].
Score = Callable[[Tensor], Tensor]

# The maps that the third pooling takes in: 4x4, where pooling leaves 2x2. Earlier layers have
# finer maps that follow edges rather than objects.
LAYER = "the last convolution, before pooling (4x4)"

_SEGMENTS = 6  # superpixels along a side

_COMPACTNESS = 2.0  # weight of place against colour, both 0 to 1

_BATCH = 250


@dataclass(frozen=True)
class Explained:
    """One image and its maps.

    Attributes:
        index: in the images judged on.
        image: uint8 [H, W, 3].
        truth, guess: class names; `probability` of the guess, a fraction.
        cam: Grad-CAM [H, W], 0 to 1.
        lime, shap: [H, W], one value a superpixel: how much the guess's probability hangs on it
            (lime: local linear weight; shap: Shapley value). Negative: speaks against.
    """

    index: int
    image: NDArray[np.uint8]
    truth: str
    guess: str
    probability: float
    cam: Map
    lime: Map
    shap: Map


def network(folder: Path, stored: RunRecord) -> AlexNet:
    """The trained network of a run, in evaluation mode.

    Raises:
        InputError: if its weights are not there or not those of the record.
    """
    path = folder / store.WEIGHTS
    if not path.exists():
        raise InputError(
            f"no {store.WEIGHTS} in {folder}: weights are not committed. Train it again: "
            "run writes them beside the record, and verify tells whether they are the same."
        )
    try:
        weights = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}): train the run again.") from error
    if weights_sha256(weights) != stored.weights_sha256:
        raise InputError(f"{path} are not the weights of the record beside it: train it again.")
    classes = len(stored.dataset.classes)
    model = build(record.variant_of(stored), classes, torch.Generator())
    model.load_state_dict(weights)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # the maps before it are read after it
    return model.eval()


def superpixels(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Patches of like colour: k-means over colour and place from a regular grid of starts, as
    SLIC does (Achanta et al. 2012), over the whole image since 32x32 pixels are few.

    Args:
        image: [H, W, 3].

    Returns:
        [H, W], a number for each patch from 0 on; the same for the same image.
    """
    height, width = image.shape[:2]
    place = np.moveaxis(np.indices((height, width)), 0, -1) / max(height, width)
    points = np.concatenate([image / 255, _COMPACTNESS * place], -1)
    starts = [((np.arange(_SEGMENTS) + 0.5) * n / _SEGMENTS).astype(int) for n in (height, width)]
    centres = points[np.ix_(*starts)].reshape(-1, 5)
    method = KMeans(len(centres), init=centres, n_init=1, random_state=0)  # type: ignore[no-untyped-call]
    found = method.fit_predict(points.reshape(-1, 5))  # type: ignore[no-untyped-call]
    # Numbered without gaps: a start of which nothing is left has no patch.
    return np.unique(found, return_inverse=True)[1].reshape(height, width).astype(np.int64)


def grad_cam(model: AlexNet, images: Tensor, targets: Tensor) -> Map:
    """Where the last maps speak for a class (Selvaraju et al. 2017).

    Args:
        images: normalised, float32 [N, 3, H, W]; targets: class indices [N].

    Returns:
        [N, H, W], each scaled to a largest value of 1 (or 0 throughout).
    """
    layer = [module for module in model.features if isinstance(module, nn.ReLU)][-1]
    small = LayerGradCam(model, layer).attribute(images, target=targets, relu_attributions=True)
    size = tuple(images.shape[-2:])
    large = LayerAttribution.interpolate(small, size, "bilinear")[:, 0].detach()
    found: Map = (large / large.amax((1, 2), keepdim=True).clamp(min=1e-12)).numpy()
    return found


def lime(score: Score, image: Tensor, patches: Tensor, target: int, samples: int) -> Map:
    """Weights of a linear model of the probability around an image (Ribeiro et al. 2016).

    Patches are hidden by the mean colour of the training images, which is 0 here.

    Args:
        score: the network.
        image: normalised, [1, 3, H, W]; patches: numbers [H, W]; target: class index.
        samples: of images with hidden patches.

    Returns:
        [H, W].
    """
    method = Lime(score, interpretable_model=SkLearnRidge(alpha=1.0))
    return _masked(method, image, patches, target, samples)


def shap(score: Score, image: Tensor, patches: Tensor, target: int, samples: int) -> Map:
    """Shapley values of patches by weighted regression (Lundberg and Lee 2017); they add up to
    the probability with all patches minus that with none. Arguments as for `lime`."""
    return _masked(KernelShap(score), image, patches, target, samples)


def _masked(
    method: Lime | KernelShap, image: Tensor, patches: Tensor, target: int, samples: int
) -> Map:
    found: Map = (
        method.attribute(
            image,
            baselines=torch.zeros_like(image),
            target=target,
            feature_mask=patches.expand(image.shape),
            n_samples=samples,
            perturbations_per_eval=_BATCH,
        )[0, 0]
        .detach()
        .numpy()
    )
    return found


def explain(
    model: AlexNet,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    chosen: Sequence[int],
    classes: Sequence[str],
    normalize: Normalize,
    seed: int,
    samples: int,
) -> list[Explained]:
    """All maps of chosen images; the same for the same arguments.

    Args:
        model: in evaluation mode, on the CPU.
        images: [N, H, W, 3] that were judged on; labels [N].
        chosen: indices into them.
        seed: of the patches that LIME and SHAP hide.
        samples: for each of the two and each image.
    """
    inputs = normalize(torch.from_numpy(images[list(chosen)]).permute(0, 3, 1, 2))

    @torch.no_grad()
    def score(batch: Tensor) -> Tensor:
        result: Tensor = model(batch).softmax(1)
        return result

    probabilities, guesses = score(inputs).max(1)
    cams = grad_cam(model, inputs, guesses)
    found = []
    for row, index in enumerate(chosen):
        patches = torch.from_numpy(superpixels(images[index]))
        target = int(guesses[row])
        maps = {}
        for name, method in (("lime", lime), ("shap", shap)):
            with torch.random.fork_rng(devices=[]):  # captum draws from the global generator
                torch.manual_seed(derive(seed, name, index))
                maps[name] = method(score, inputs[row : row + 1], patches, target, samples)
        found.append(
            Explained(
                index=index,
                image=images[index],
                truth=classes[labels[index]],
                guess=classes[target],
                probability=float(probabilities[row]),
                cam=cams[row],
                **maps,
            )
        )
    return found
