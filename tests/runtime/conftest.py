"""Tiny bundles, written once for each pattern."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lmdm_runtime import Bundle, Session, load_bundle
from lmdm_runtime.text import Tokenizer
from tests.runtime.tiny_bundle import write_tiny_bundle
from tests.runtime.tiny_model import Sizes, TinyModel


@dataclass(frozen=True)
class Tiny:
    """A bundle on disk and the model that answers for it."""

    folder: Path
    model: TinyModel
    bundle: Bundle

    def session(self, **settings: object) -> Session:
        return Session(self.bundle, **settings)

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self.folder / "tokenizer.model", self.model.sizes.text_tokens, lowercase=True)


def make_tiny(folder: Path, pattern: str, codec: str = "state", **changes: object) -> Tiny:
    model = write_tiny_bundle(folder, Sizes(pattern=pattern), codec=codec, **changes)
    return Tiny(folder, model, load_bundle(folder))


@pytest.fixture(scope="session", params=["encoder-decoder", "block-causal"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny") / "bundle", request.param)


@pytest.fixture(scope="session")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("causal") / "bundle", "block-causal")
