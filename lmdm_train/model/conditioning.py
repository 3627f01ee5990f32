"""Text and duration as the network takes them: cross-attention tokens and one global vector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lmdm_train.config import InstrumentConfig
from lmdm_train.errors import ModelError, TextError
from lmdm_train.model.seconds import SecondsEmbedder
from lmdm_train.model.text import SmallTextEncoder, T5TextEncoder, Tokenizer, t5_folder


class Conditioner(nn.Module):
    """Prompts and seconds -> cross-attention tokens (text first, seconds last) and the global condition.

    The null condition of guidance is zeros in place of all cross-attention tokens; the global condition is never nulled.
    """

    def __init__(self, config: InstrumentConfig, *, tokenizer: bytes | None = None, t5: Path | None = None) -> None:
        super().__init__()
        if config.dit.text_width != config.dit.global_width:
            raise ModelError(
                f"seconds serve as text token and as global condition: text_width {config.dit.text_width} and "
                f"global_width {config.dit.global_width} must agree"
            )
        self.config = config.text
        self.seconds_total = SecondsEmbedder(config.dit.text_width, config.seconds.minimum, config.seconds.maximum)
        self.text = SmallTextEncoder(config.text) if config.text.kind == "small" else None
        self._t5_folder = t5
        self._t5: list[T5TextEncoder] = []
        self._tokenizer: Tokenizer | None = None
        if tokenizer is not None:
            self.set_tokenizer(tokenizer)

    def set_tokenizer(self, model: bytes) -> None:
        """Use a sentencepiece model; its bytes are kept beside the checkpoint."""
        tokenizer = Tokenizer(model, self.config.tokens, lowercase=self.config.kind == "small")
        if self.config.kind == "small" and tokenizer.vocabulary > self.config.vocabulary:
            raise TextError(f"the tokenizer has {tokenizer.vocabulary} pieces, the text encoder knows {self.config.vocabulary}")
        self._tokenizer = tokenizer

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer.

        Raises:
            TextError: there is none.
        """
        if self._tokenizer is None:
            if self.config.kind == "none":
                raise TextError("this instrument has no text encoder; pass embeddings instead of prompts")
            if self.config.kind == "small":
                raise TextError("this instrument has no tokenizer; put NAME.tokenizer.model beside the checkpoint")
            self.set_tokenizer((t5_folder(self._t5_folder) / "spiece.model").read_bytes())
        assert self._tokenizer is not None
        return self._tokenizer

    @property
    def tokenizer_bytes(self) -> bytes | None:
        """The sentencepiece model, or None if none has been set."""
        return None if self._tokenizer is None else self._tokenizer.model

    @property
    def text_encoder(self) -> nn.Module:
        """The module ids, mask -> embedding before masking. T5 is loaded when first asked for and is no part of the state dict."""
        if self.text is not None:
            return self.text
        if self.config.kind == "none":
            raise TextError("this instrument has no text encoder; pass embeddings instead of prompts")
        if not self._t5:
            self._t5.append(T5TextEncoder(t5_folder(self._t5_folder), self.config.width))
        return self._t5[0].to(self._device)

    @property
    def _device(self) -> torch.device:
        return next(self.seconds_total.parameters()).device

    def tokenize(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """Prompts -> ids int64 [B, T] and mask float32 [B, T]."""
        return self.tokenizer(prompts)

    def encode_text(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """Ids [B, T] and mask [B, T] -> [B, T, width]; padded places are exactly zero."""
        return self.text_encoder(token_ids, mask) * mask[..., None]

    def encode_prompts(self, prompts: list[str]) -> Tensor:
        """Prompts -> [B, T, width] on the conditioner's device."""
        ids, mask = self.tokenize(prompts)
        return self.encode_text(ids.to(self._device), mask.to(self._device))

    def tokens(self, embedding: Tensor, seconds: Tensor) -> tuple[Tensor, Tensor]:
        """Text embedding [B, T, W] and seconds [B] -> cross tokens [B, T + 1, W] with seconds last, global condition [B, W]."""
        duration = self.seconds_total(seconds)
        return torch.cat((embedding, duration[:, None]), dim=1), duration
