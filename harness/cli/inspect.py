"""`list`, `show` and `data`: what there is to train on and with."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import variants
from harness.cli.options import ArchiveOption, DataDirOption, DatasetOption


def list_variants() -> None:
    """The variants by family, and what each changes about the paper's settings."""
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
    dataset: DatasetOption = "cifar10",
) -> None:
    """One variant resolved: settings, protocol, layers, parameters, cost."""
    variant = variants.get(name)
    from tabulate import tabulate

    from harness.protocol import presets
    from variants import summary

    protocol, _ = presets.resolve(dataset)
    applied = protocol.augmentation[variant.augmentation]
    own = {key for key, value in variant.settings().items() if value is not None}
    shared = {key: value for key, value in protocol.to_dict().items() if key not in own}
    settings = {k: "the protocol's" if v is None else v for k, v in variant.settings().items()}
    about = summary.summarise(variant)
    print(f"{variant.name} ({variant.family}): {variant.summary}\n")
    print(tabulate(_pairs(settings), headers=("its own setting", "value")))
    print(f"\naugmentation {variant.augmentation!r} on {dataset} is {applied}\n")
    print(tabulate(_pairs(shared), headers=("shared by all variants", "value")))
    headers = ("layer", "output", "parameters")
    print("\n" + tabulate(about.layers, headers=headers, intfmt=","))
    print(
        f"\n{about.parameters:,} parameters, "
        f"{about.multiply_adds / 1e6:.1f} M multiply-adds an image forward"
    )


def _pairs(fields: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in fields.items()]


def data(
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
) -> None:
    """Fetch a dataset where it is missing, verify it and print its fingerprint."""
    from harness.data.dataset import load

    found = load(dataset, data_dir, archive)
    print(f"{found.title}: {len(found.train):,} training and {len(found.test):,} test images")
    print(f"classes: {', '.join(found.classes)}")
    print(f"fingerprint: {found.fingerprint}")
    print(f"official archive: {'yes' if found.official else 'no'}")
