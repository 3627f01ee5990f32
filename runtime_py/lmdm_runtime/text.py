"""Prompts to token ids, as the text encoder was trained on them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from lmdm_runtime.errors import BundleError

logger = logging.getLogger(__name__)


class Tokenizer:
    """Sentencepiece pieces, then end of sentence, then padding with id 0: `tokens` ids a prompt.

    Raises:
        BundleError: the file is no sentencepiece model, or one without an end-of-sentence piece.
    """

    def __init__(self, model: Path, tokens: int, *, lowercase: bool) -> None:
        self.tokens, self.lowercase = tokens, lowercase
        try:
            self._pieces = sentencepiece.SentencePieceProcessor()
            self._pieces.LoadFromSerializedProto(model.read_bytes())  # unlike model_proto, which takes an empty file for no file
        except Exception as error:
            raise BundleError(f"{model} is no sentencepiece model; export the checkpoint again with lmdm export") from error
        if self._pieces.eos_id() < 0:
            raise BundleError(f"{model} has no end-of-sentence piece; train the tokenizer with eos_id=1 and pad_id=0")

    def __call__(self, prompt: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids [1, tokens] and mask [1, tokens], 1 on real tokens.

        A long prompt loses its end, with a warning, and never the end-of-sentence piece.
        """
        pieces = self._pieces.encode(prompt.lower() if self.lowercase else prompt)
        if len(pieces) >= self.tokens:
            read = self._pieces.decode(pieces[: self.tokens - 1])
            logger.warning("the prompt is %d tokens long and only its first %d are read: %s", len(pieces), self.tokens - 1, read)
        pieces = [*pieces[: self.tokens - 1], self._pieces.eos_id()]
        ids = np.zeros((1, self.tokens), dtype=np.int64)
        mask = np.zeros((1, self.tokens), dtype=np.float32)
        ids[0, : len(pieces)] = pieces
        mask[0, : len(pieces)] = 1
        return ids, mask
