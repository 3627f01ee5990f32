"""Stable Audio Open Small and the LMDM models made from it, as the paper and its public code configure them."""

from __future__ import annotations

from lmdm_train.config import AdditiveInput, DiTConfig, InstrumentConfig, Layout, OobleckConfig, Pattern, SamplingConfig, TextConfig

CONTEXT = (AdditiveInput(name="inpaint_mask", channels=1), AdditiveInput(name="inpaint_masked_input", channels=64))
ACCOMPANIMENT = (AdditiveInput(name="accomp_mask", channels=1), AdditiveInput(name="accomp_input", channels=64))

ENCODER_DECODER = Pattern(kind="encoder-decoder")
BLOCK_CAUSAL = Pattern(kind="block-causal", window_chunks=4)

STANDARD = Layout(context=192, block=48)

FLOW = SamplingConfig(solver="euler", steps=50, guidance="cfg", guidance_scale=7.0)
FEW_STEPS = SamplingConfig(solver="ping-pong", steps=8, guidance="none", guidance_scale=1.0)


def _lmdm(
    name: str,
    pattern: Pattern,
    sampling: SamplingConfig,
    *,
    layout: Layout = STANDARD,
    additive: tuple[AdditiveInput, ...] = CONTEXT,
) -> InstrumentConfig:
    dit = DiTConfig(additive=additive)
    return InstrumentConfig(name=name, dit=dit, layout=layout, pattern=pattern, codec=OobleckConfig(), text=TextConfig(), sampling=sampling)


PRESETS = (
    InstrumentConfig(
        name="sao-small",
        dit=DiTConfig(global_token="first"),
        # The base model knows no blocks; together these are its native window of 256 frames.
        layout=Layout(context=192, block=64),
        pattern=Pattern(kind="bidirectional"),
        codec=OobleckConfig(),
        sampling=SamplingConfig(solver="ping-pong", steps=8, guidance="none", guidance_scale=1.0),
    ),
    _lmdm("lmdm-ed", ENCODER_DECODER, FLOW),
    _lmdm("lmdm-bc", BLOCK_CAUSAL, FLOW),
    _lmdm("lmdm-arc-ed", ENCODER_DECODER, FEW_STEPS),
    _lmdm("lmdm-arc-bc", BLOCK_CAUSAL, FEW_STEPS),
    _lmdm("lmdm-ed-208-47", ENCODER_DECODER, FLOW, layout=Layout(context=208, block=47)),
    _lmdm("lmdm-ed-230-10", ENCODER_DECODER, FLOW, layout=Layout(context=230, block=10)),
    _lmdm("lmdm-arc-ed-208-47", ENCODER_DECODER, FEW_STEPS, layout=Layout(context=208, block=47)),
    _lmdm("lmdm-arc-ed-230-10", ENCODER_DECODER, FEW_STEPS, layout=Layout(context=230, block=10)),
    _lmdm("lmdm-accompaniment-ed", ENCODER_DECODER, FLOW, additive=CONTEXT + ACCOMPANIMENT),
    _lmdm("lmdm-accompaniment-bc", BLOCK_CAUSAL, FLOW, additive=CONTEXT + ACCOMPANIMENT),
    _lmdm("lmdm-arc-accompaniment-ed", ENCODER_DECODER, FEW_STEPS, additive=CONTEXT + ACCOMPANIMENT),
    _lmdm("lmdm-arc-accompaniment-bc", BLOCK_CAUSAL, FEW_STEPS, additive=CONTEXT + ACCOMPANIMENT),
)
