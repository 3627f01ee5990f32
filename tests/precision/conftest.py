"""One tiny bundle, its search, and variants of it, each made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.ladder import Search
from lmdm_export.precision.variant import Variant
from lmdm_runtime.bundle import Bundle, load_bundle
from tests.bundles import write_small_bundle

BLOCKS = 16
BUDGET = 0.1


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Encoder-decoder with a text encoder and guidance, random weights."""
    folder = tmp_path_factory.mktemp("precision") / "tiny"
    write_small_bundle(folder, "tiny", rollout_blocks=BLOCKS)
    return load_bundle(folder)


@pytest.fixture(scope="session")
def search(tiny: Bundle) -> Search:
    return Search(tiny, BUDGET, threads=1, rounds=3)


@pytest.fixture(scope="session")
def variant(search: Search, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Variant]:
    made: dict[str, Variant] = {}

    def get(kind: str) -> Variant:
        if kind not in made:
            made[kind] = search.write(KINDS[kind], tmp_path_factory.mktemp(kind))
        return made[kind]

    return get


@pytest.fixture(scope="session")
def sealed(search: Search, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders of whole variants, which state what they measured."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            variant = search.write(KINDS[kind], tmp_path_factory.mktemp(f"sealed-{kind}"))
            made[kind] = variant.seal(BUDGET, search.measure(variant).parity.share, "tests").folder
        return made[kind]

    return get
