"""Bundles in another precision that take part in a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.manifest import ModelEntry


@dataclass(frozen=True)
class Variant:
    """`budget`: the share of another seed's distance that it states. `model`, `weights` (hash of the checkpoint): what it was made from."""

    folder: Path
    budget: float
    model: ModelEntry
    weights: str

    def made_from(self, bundle: Bundle) -> bool:
        """Whether it is that bundle in another precision. Random weights have no hash of their own, but they follow from the model."""
        return (self.weights, self.model) == (bundle.manifest.checkpoint["sha256"], bundle.manifest.model)

    def require_of(self, bundle: Bundle) -> None:
        """Refuse what was made from other weights than the bundle.

        Raises:
            click.ClickException: with both named.
        """
        checkpoint = bundle.manifest.checkpoint
        if not self.made_from(bundle):
            raise click.ClickException(
                f"{self.folder} was made from other weights ({self.weights[:12]}) than {bundle.folder} ({checkpoint['sha256'][:12]}, "
                f"{checkpoint['name']}); make it again: lmdm precision {bundle.folder} --write int8 -o {self.folder} --force"
            )


def named_variants(folders: Sequence[Path]) -> dict[str, Variant]:
    """By their precision, and by their folder too where two have the same.

    Raises:
        BundleError: a folder is no bundle.
        click.ClickException: a bundle states no precision, or a folder is given twice.
    """
    found: list[tuple[str, Variant]] = []
    for folder in folders:
        manifest = load_bundle(folder).manifest
        if manifest.precision is None:
            raise click.ClickException(
                f"{folder} states no precision; make a variant of it: lmdm precision {folder} --write int8 -o {folder}-int8"
            )
        found.append((manifest.precision.kind, Variant(folder, manifest.precision.budget, manifest.model, manifest.checkpoint["sha256"])))
    kinds = [kind for kind, _ in found]
    named = {kind if kinds.count(kind) == 1 else f"{kind} {variant.folder}": variant for kind, variant in found}
    if len(named) < len(found):
        raise click.ClickException("a --variant is given twice; give each folder once")
    return named
