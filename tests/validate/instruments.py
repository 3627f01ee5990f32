"""Tiny instruments whose every weight is random and not zero, so that no fault can hide in a silent branch."""

from __future__ import annotations

import io

import torch

from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset

SENTENCES = ("slow ambient pad with soft piano", "fast techno, driving bass and drums", "jazz trio with walking bass", "rock guitar, lead synth")


def tiny_tokenizer(vocabulary: int = 64) -> bytes:
    """A sentencepiece model of single letters and common pieces, trained on a few prompts."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
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


def tiny_instrument(name: str = "tiny", seed: int = 0, **changes: object) -> Instrument:
    """The preset with random weights; `changes` replace parts of its configuration (`sampling=...`)."""
    config = preset(name).model_copy(update=changes)
    instrument = Instrument(config, tokenizer=tiny_tokenizer(config.text.vocabulary) if config.text.kind == "small" else None)
    generator = torch.Generator().manual_seed(seed)
    for key, parameter in instrument.named_parameters():
        if key.startswith("codec."):
            continue
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
        drawn = torch.randn(parameter.shape, generator=generator) * fan_in**-0.5
        parameter.data = drawn if parameter.ndim > 1 or key.endswith("bias") else 1 + drawn
    return instrument.requires_grad_(False).eval()
