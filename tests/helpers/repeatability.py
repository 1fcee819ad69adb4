"""Train every variant in every precision for one short epoch and print the weights' hashes.

`paper` and `no_lr_decay`, which is equal to it in a first epoch, have the published sizes; all
others have narrow layers, for speed.

python -m tests.helpers.repeatability [DEVICE]
"""

from __future__ import annotations

import dataclasses
import json
import sys

import torch

import variants
from harness.protocol import presets
from harness.protocol.spec import PRECISIONS
from harness.training.runner import weights_sha256
from harness.training.trainer import Trainer
from tests.helpers import small_network
from tests.helpers.datasets import noise_dataset
from tests.helpers.small_network import PUBLISHED_SIZES

PUBLISHED = ("paper", "no_lr_decay")


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    data = noise_dataset()
    # Few, since a CPU without units for bf16 is slow; the last step is smaller all the same.
    few = data.train.take(torch.arange(6))
    data = dataclasses.replace(data, train=few).to(device)
    hashes = {}
    for precision in PRECISIONS:
        protocol = dataclasses.replace(
            presets.PROTOCOLS["cifar10"], epochs=1, batch_size=4, precision=precision
        )
        for name in variants.names():
            small_network.resize(*(PUBLISHED_SIZES if name in PUBLISHED else ()))
            trainer = Trainer(variants.get(name), protocol, 0, data)
            trainer.train_epoch()
            weights = {k: v.cpu() for k, v in trainer.model.state_dict().items()}
            hashes[f"{name} {precision}"] = weights_sha256(weights)
    print(json.dumps(hashes))


if __name__ == "__main__":
    main()
