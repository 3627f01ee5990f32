"""Instruments that are built, run and exported in a moment: the shapes of the real ones, with random weights."""

from __future__ import annotations

from lmdm_train.config import (
    AdditiveInput,
    DiTConfig,
    InstrumentConfig,
    Layout,
    OobleckConfig,
    Pattern,
    SamplingConfig,
    TextConfig,
)

LATENT = 8
WIDTH = 32


def _tiny(name: str, layout: Layout, pattern: Pattern, controls: tuple[AdditiveInput, ...] = ()) -> InstrumentConfig:
    context = (AdditiveInput(name="inpaint_mask", channels=1), AdditiveInput(name="inpaint_masked_input", channels=LATENT))
    return InstrumentConfig(
        name=name,
        # Heads of 64 rotate 32 of their dimensions, so that the partial rotary embedding is exercised too.
        dit=DiTConfig(
            latent_channels=LATENT,
            width=128,
            depth=2,
            heads=2,
            ff_mult=2,
            text_width=WIDTH,
            global_width=WIDTH,
            time_features=32,
            additive=context + controls,
        ),
        layout=layout,
        pattern=pattern,
        codec=OobleckConfig(audio_channels=1, base_channels=4, channel_mults=(1, 2), strides=(2, 4), latent_channels=LATENT),
        text=TextConfig(kind="small", tokens=8, width=WIDTH, depth=1, heads=2, vocabulary=64),
        sampling=SamplingConfig(solver="euler", steps=4, guidance="cfg", guidance_scale=2.0),
    )


PRESETS = (
    _tiny("tiny", Layout(context=12, block=4), Pattern(kind="encoder-decoder")),
    _tiny("tiny-bc", Layout(context=16, block=4), Pattern(kind="block-causal", window_chunks=4)),
    _tiny("tiny-control", Layout(context=12, block=4), Pattern(kind="encoder-decoder"), (AdditiveInput(name="loudness", channels=1),)),
)
