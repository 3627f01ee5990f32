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
from lmdm_train.control import AccompanimentControl, LocalControl, LoudnessControl, PitchControl

LATENT = 8
WIDTH = 32
ENCODER_DECODER = Pattern(kind="encoder-decoder")
# Frames of the tiny codec hold 8 samples, so the analysis windows are what they are in earnest and the frames are many.
SKETCH = (PitchControl(octaves=2, lowest_hz=440.0, longest_window=1024), LoudnessControl())


def _tiny(
    name: str,
    layout: Layout,
    pattern: Pattern,
    extra: tuple[AdditiveInput, ...] = (),
    controls: tuple[LocalControl, ...] = (),
) -> InstrumentConfig:
    context = (AdditiveInput(name="inpaint_mask", channels=1), AdditiveInput(name="inpaint_masked_input", channels=LATENT))
    grouped = tuple(AdditiveInput(name=group, channels=n) for control in controls for group, n in control.groups(LATENT))
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
            additive=context + extra + grouped,
        ),
        layout=layout,
        pattern=pattern,
        codec=OobleckConfig(audio_channels=1, base_channels=4, channel_mults=(1, 2), strides=(2, 4), latent_channels=LATENT),
        text=TextConfig(kind="small", tokens=8, width=WIDTH, depth=1, heads=2, vocabulary=64),
        sampling=SamplingConfig(solver="euler", steps=4, guidance="cfg", guidance_scale=2.0),
        controls=controls,
    )


PRESETS = (
    _tiny("tiny", Layout(context=12, block=4), Pattern(kind="encoder-decoder")),
    _tiny("tiny-bc", Layout(context=16, block=4), Pattern(kind="block-causal", window_chunks=4)),
    _tiny("tiny-control", Layout(context=12, block=4), Pattern(kind="encoder-decoder"), (AdditiveInput(name="loudness", channels=1),)),
    _tiny("tiny-sketch", Layout(context=12, block=4), ENCODER_DECODER, controls=SKETCH),
    _tiny("tiny-sketch-bc", Layout(context=16, block=4), Pattern(kind="block-causal", window_chunks=4), controls=SKETCH),
    _tiny("tiny-accompaniment", Layout(context=12, block=4), ENCODER_DECODER, controls=(AccompanimentControl(cutoff=10),)),
)
