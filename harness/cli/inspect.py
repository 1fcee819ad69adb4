"""`list`, `show` and `data`: the variants and the datasets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import variants
from harness.cli.options import (
    ArchiveOption,
    DataDirOption,
    DatasetOption,
    VariantsFromOption,
)


def list_variants(variants_from: VariantsFromOption = None) -> None:
    """List the variants by family, with the settings that each changes."""
    from tabulate import tabulate

    paper = variants.get("paper")
    rows = []
    for variant in map(variants.get, variants.names()):
        changed = ", ".join(f"{k}={v}" for k, v in variants.changes(variant, paper).items())
        rows.append((variant.family, variant.name, changed or "-", variant.summary))
    headers = ("family", "variant", "changes", "what it is")
    print(tabulate(rows, headers=headers, maxcolwidths=[None, None, 40, 45]))


def show(
    name: Annotated[str, typer.Argument(help="A variant.")],
    variants_from: VariantsFromOption = None,
    dataset: DatasetOption = "cifar10",
) -> None:
    """Show one variant: settings, protocol, layers, parameters, cost."""
    from tabulate import tabulate

    from harness.runs.options import RunOptions
    from harness.runs.spec import run_specs
    from variants import summary

    (spec,) = run_specs([name], [0], RunOptions(dataset=dataset))
    variant, protocol = spec.variant, spec.protocol
    augmentation = protocol.augmentation[variant.augmentation]
    variant_keys = {key for key, value in variant.settings().items() if value is not None}
    protocol_settings = {
        key: value for key, value in protocol.to_dict().items() if key not in variant_keys
    }
    settings = {k: "the protocol's" if v is None else v for k, v in variant.settings().items()}
    network = summary.summarise(variant)
    print(f"{variant.name} ({variant.family}): {variant.summary}\n")
    print(tabulate(_pairs(settings), headers=("setting of the variant", "value")))
    print(f"\naugmentation {variant.augmentation!r} on {dataset}: {augmentation}\n")
    print(tabulate(_pairs(protocol_settings), headers=("shared by all variants", "value")))
    headers = ("layer", "output", "parameters")
    print("\n" + tabulate(network.layers, headers=headers, intfmt=","))
    print(
        f"\n{network.parameters:,} parameters, "
        f"{network.multiply_adds / 1e6:.1f} M multiply-adds per image (forward pass)"
    )


def _pairs(fields: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in fields.items()]


def data(
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Download a dataset if it is missing, verify it and print its fingerprint."""
    from harness.data.dataset import load

    images = load(dataset, data_dir, archive)
    print(f"{images.title}: {len(images.train):,} training and {len(images.test):,} test images")
    print(f"classes: {', '.join(images.classes)}")
    print(f"fingerprint: {images.fingerprint}")
    print(f"official archive: {'yes' if images.official else 'no'}")
