"""Prompts to token ids to embeddings: an own small transformer, or the T5 encoder of the transformers package."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_train.config import TextConfig
from lmdm_train.errors import TextError
from lmdm_train.model.attention import merge_heads, split_heads

T5_FOLDER_VARIABLE = "LMDM_T5"


class Tokenizer:
    """Sentencepiece pieces, then end of sentence, then padding with id 0: `tokens` ids a prompt, as T5 numbers them."""

    def __init__(self, model: bytes, tokens: int, *, lowercase: bool) -> None:
        import sentencepiece

        self.model, self.tokens, self.lowercase = model, tokens, lowercase
        self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        if self._pieces.eos_id() < 0:
            raise TextError("the tokenizer has no end-of-sentence piece; train it with eos_id=1 and pad_id=0")

    @property
    def vocabulary(self) -> int:
        return self._pieces.vocab_size()

    def __call__(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """Token ids int64 [B, tokens] and mask float32 [B, tokens], 1 on real tokens. Long prompts lose their end."""
        ids = torch.zeros(len(prompts), self.tokens, dtype=torch.int64)
        mask = torch.zeros(len(prompts), self.tokens)
        for row, prompt in enumerate(prompts):
            pieces = self._pieces.encode(prompt.lower() if self.lowercase else prompt)
            pieces = [*pieces[: self.tokens - 1], self._pieces.eos_id()]
            ids[row, : len(pieces)] = torch.tensor(pieces)
            mask[row, : len(pieces)] = 1
        return ids, mask


class TextLayer(nn.Module):
    """Pre-norm transformer layer over the tokens of a prompt."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.ff_norm = nn.LayerNorm(width)
        self.ff = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (split_heads(part, self.heads) for part in self.to_qkv(self.attention_norm(x)).chunk(3, dim=-1))
        x = x + self.to_out(merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=bias)))
        return x + self.ff(self.ff_norm(x))


class SmallTextEncoder(nn.Module):
    """Transformer on sentencepiece tokens with learnt positions, trained together with the network."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.randn(config.tokens, config.width) * 0.02)
        self.layers = nn.ModuleList(TextLayer(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """Ids int64 [B, T] and mask [B, T] -> [B, T, width]."""
        # A finite bias keeps an empty prompt finite, where minus infinity in every place would give NaN.
        bias = ((mask - 1) * 1e4)[:, None, None, :]
        x = self.tokens(token_ids) + self.positions[: token_ids.shape[1]]
        for layer in self.layers:
            x = layer(x, bias)
        return self.norm(x)


class T5TextEncoder(nn.Module):
    """T5's encoder from a local Hugging Face folder. Its weights are never part of our checkpoints."""

    def __init__(self, folder: Path, width: int) -> None:
        super().__init__()
        try:
            from transformers import T5EncoderModel
        except ImportError as error:
            raise TextError("text kind t5 needs the transformers package; run: pip install 'lmdm[t5]'") from error
        try:
            model: Any = T5EncoderModel.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            raise TextError(f"no T5 encoder loads from {folder} ({type(error).__name__}); expected a T5 model's folder") from error
        if model.config.d_model != width:
            raise TextError(f"the T5 encoder in {folder} is {model.config.d_model} wide, the configuration expects {width}")
        self.model = model.eval().requires_grad_(False)

    def forward(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        return self.model(input_ids=token_ids, attention_mask=mask).last_hidden_state


def t5_folder(given: Path | None) -> Path:
    """The folder with T5's weights and `spiece.model`: the one given, or the one that the environment names.

    Raises:
        TextError: there is none, or it has no tokenizer.
    """
    name = given or os.environ.get(T5_FOLDER_VARIABLE)
    if not name:
        raise TextError(f"text kind t5 needs a local T5 folder; set {T5_FOLDER_VARIABLE} to a folder with config.json and spiece.model")
    folder = Path(name)
    if not (folder / "spiece.model").is_file():
        raise TextError(f"{folder} has no spiece.model; expected the folder of a T5 model such as t5-base")
    return folder
