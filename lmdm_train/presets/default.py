"""The default instrument: small enough for git, and real time on two CPU cores."""

from __future__ import annotations

from lmdm_train.config import (
    AdditiveInput,
    DiTConfig,
    InstrumentConfig,
    Layout,
    Pattern,
    SamplingConfig,
    SpectralConfig,
    TextConfig,
)
from lmdm_train.control import LoudnessControl, PitchControl

LATENT = 32
TEXT_WIDTH = 128
CONTROLS = (PitchControl(), LoudnessControl())

PRESETS = (
    InstrumentConfig(
        name="default",
        dit=DiTConfig(
            latent_channels=LATENT,
            width=256,
            depth=5,
            heads=4,
            text_width=TEXT_WIDTH,
            global_width=TEXT_WIDTH,
            additive=(
                AdditiveInput(name="inpaint_mask", channels=1),
                AdditiveInput(name="inpaint_masked_input", channels=LATENT),
                *(AdditiveInput(name=name, channels=n) for control in CONTROLS for name, n in control.groups(LATENT)),
            ),
        ),
        # A block of 8 frames lasts 0.37 s; the window of 64 frames holds 3 s, one to two bars.
        layout=Layout(context=56, block=8),
        pattern=Pattern(kind="encoder-decoder"),
        codec=SpectralConfig(latent_channels=LATENT),
        text=TextConfig(kind="small", tokens=24, width=TEXT_WIDTH, depth=2, heads=4, vocabulary=256),
        sampling=SamplingConfig(solver="euler", steps=12, guidance="cfg", guidance_scale=2.0, context_drop=40),
        controls=CONTROLS,
    ),
)
