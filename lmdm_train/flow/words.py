"""The words that encoded music is described with, and a tokenizer made from them."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lmdm_train.config import InstrumentConfig
from lmdm_train.data.captions import caption_corpus, train_tokenizer
from lmdm_train.data.crops import CropSource
from lmdm_train.data.music import Track
from lmdm_train.errors import LmdmTrainError


def tokenizer_for(config: InstrumentConfig, source: CropSource) -> bytes | None:
    """A sentencepiece model of the source's prompts for the own text encoder; None where another one is used.

    Raises:
        LmdmTrainError: no item has a prompt.
    """
    if config.text.kind != "small":
        return None
    texts = [text for item in source.items for text in _said(source.metadata(item.id)) if text]
    if not texts:
        raise LmdmTrainError(f"nothing in {source.settings.path} has a prompt, which the text encoder's words are learnt from")
    return train_tokenizer(texts, config.text.vocabulary)


def _said(facts: dict[str, object]) -> list[str]:
    """All ways in which an item may be spoken of: its prompt, and what is composed from the facts of rendered music and of its stems."""
    texts = [str(facts.get("prompt", ""))]
    stems = facts.get("stems")
    if isinstance(stems, dict):
        texts += [str(about.get("midi_program_name", "")) for about in stems.values() if isinstance(about, dict)]
    # Where facts are missing it was not rendered here, and its prompt is all that is said.
    with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
        texts += caption_corpus([Track(Path(), facts)])
    return texts
