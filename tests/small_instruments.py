"""Small instruments with weights in every place, and a tokenizer that takes a moment to train."""

from __future__ import annotations

import functools
import io

import sentencepiece
import torch
from torch import nn

from lmdm_train.config import InstrumentConfig
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset

PROMPTS = [
    "slow piano in C major",
    "fast drums and bass",
    "warm pad with strings",
    "bright lead over a walking bass",
    "sparse marimba loop",
]


@functools.cache
def tokenizer_model(vocabulary: int = 64) -> bytes:
    """A sentencepiece model numbered as T5's: padding 0, end of sentence 1, unknown 2."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PROMPTS * 4),
        model_writer=model,
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Give every parameter random values, also those that start at zero, so that nothing is hidden by a silent branch."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(("weight_g", "gamma")) or "norm.weight" in name:
                parameter.copy_(1 + 0.1 * noise)
            elif parameter.ndim > 1:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
            else:
                parameter.copy_(0.1 * noise)


def small_instrument(config: InstrumentConfig | str = "tiny", seed: int = 0) -> Instrument:
    """A preset with random weights, in evaluation mode."""
    chosen = preset(config) if isinstance(config, str) else config
    tokenizer = tokenizer_model(chosen.text.vocabulary) if chosen.text.kind == "small" else None
    instrument = Instrument(chosen, tokenizer=tokenizer)
    randomise(instrument, seed)
    return instrument.eval().requires_grad_(False)
