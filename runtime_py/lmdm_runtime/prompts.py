"""Prompts and mixes: checked weights, text embeddings, and the cross-attention keys and values that a block is made with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.errors import SessionError
from lmdm_runtime.text import Tokenizer

Mix = tuple[tuple[str, float], ...]
REMEMBERED = 64


def normalised_mix(prompts: Iterable[tuple[str, float]]) -> Mix:
    """The prompts with weights that sum to 1.

    Raises:
        SessionError: no prompt, one that is not text, or weights that are negative, not finite or all zero.
    """
    try:
        mix = [(prompt, float(weight)) for prompt, weight in prompts]
    except (TypeError, ValueError):
        raise SessionError(f"a mix is a list of (prompt, weight), found {prompts!r:.120}") from None
    for prompt, _ in mix:
        if not isinstance(prompt, str):
            raise SessionError(f"a prompt is text, found {prompt!r:.60}")
    weights = [weight for _, weight in mix]
    total = sum(weights)
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not 0 < total < math.inf:
        raise SessionError(f"prompt weights must be finite, not negative and not all zero, found {weights}")
    return tuple((prompt, weight / total) for prompt, weight in mix)


def dominant(mix: Mix) -> str:
    """The prompt with the largest weight, the first of equals."""
    return max(mix, key=lambda entry: entry[1])[0]


class Conditioning:
    """Runs text encoder and conditioner. `buffers` holds cross_k_NN, cross_v_NN and global_embed, written in place by `apply`."""

    def __init__(self, bundle: Bundle, backend: Backend, seconds: float) -> None:
        manifest = bundle.manifest
        conditioner = manifest.graphs["conditioner"]
        inputs = {port.name: backend.buffer(port) for port in conditioner.inputs}
        self.buffers: dict[str, Buffer] = {port.name: backend.buffer(port) for port in conditioner.outputs}
        self._embedding = inputs["embedding"]
        if "seconds" in inputs:
            inputs["seconds"].write(np.array([seconds], dtype=np.float32))
        self._conditioner = backend.bind("conditioner", {**inputs, **self.buffers})
        self._embeddings: dict[str, NDArray] = {}
        self._given: dict[str, NDArray] = {}
        self._tokenizer = None
        if manifest.text is not None:
            self._tokenizer = Tokenizer(bundle.path(manifest.text.tokenizer), manifest.text.tokens, lowercase=manifest.text.lowercase)
            encoder = manifest.graphs["text_encoder"]
            self._text: Mapping[str, Buffer] = {port.name: backend.buffer(port) for port in (*encoder.inputs, *encoder.outputs)}
            self._encoder = backend.bind("text_encoder", self._text)

    def give(self, prompt: str, embedding: NDArray) -> None:
        """Uses an embedding [text_tokens, text_width] that was made elsewhere for a prompt.

        Raises:
            SessionError: wrong shape, or values that are not finite.
        """
        shape = self._embedding.port.shape
        values = np.asarray(embedding, dtype=np.float32)
        if values.shape not in (shape, shape[1:]):
            raise SessionError(f"the embedding of {prompt!r:.60} has shape {list(values.shape)}, expected {list(shape[1:])}")
        if not np.isfinite(values).all():
            raise SessionError(f"the embedding of {prompt!r:.60} holds values that are not finite")
        self._given[prompt] = values.reshape(shape).copy()

    def require_known(self, mix: Mix) -> None:
        """Refuses prompts that have no embedding in a bundle without text encoder."""
        unknown = [prompt for prompt, _ in mix if self._tokenizer is None and prompt not in self._given]
        if unknown:
            raise SessionError(f"this bundle has no text encoder; give an embedding for {unknown[0]!r:.60} first, with set_embedding")

    def embedding(self, prompt: str) -> NDArray:
        """Text embedding [1, text_tokens, text_width]; recent prompts are remembered."""
        if prompt in self._given:
            return self._given[prompt]
        if prompt not in self._embeddings:
            if self._tokenizer is None:
                self.require_known(((prompt, 1.0),))
            else:
                ids, mask = self._tokenizer(prompt)
                self._text["token_ids"].write(ids)
                self._text["token_mask"].write(mask)
                self._encoder.run()
            while len(self._embeddings) >= REMEMBERED:
                self._embeddings.pop(next(iter(self._embeddings)))
            self._embeddings[prompt] = self._text["embedding"].read()
        return self._embeddings[prompt]

    def apply(self, mix: Mix) -> None:
        """Writes the keys and values of `sum of weight * embedding` over those of the mix before."""
        self._embedding.write(np.stack([weight * self.embedding(prompt) for prompt, weight in mix]).sum(0))
        self._conditioner.run()
