"""Sessions on bundles that were really exported, against the torch rollouts: priming, controls, prompt changes that drop context."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Session, load_bundle
from lmdm_runtime.noise import Noise

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from lmdm_train.config import AdditiveInput, InstrumentConfig, SamplingConfig  # noqa: E402
from lmdm_train.model.instrument import Instrument  # noqa: E402
from lmdm_train.rollout import Rollout, cached_blocks  # noqa: E402
from lmdm_train.rollout.context import encode_audio  # noqa: E402
from lmdm_train.rollout.controls import ControlTimeline  # noqa: E402
from lmdm_train.rollout.prompts import PromptTimeline  # noqa: E402
from tests.bundles import named_config, write_small_bundle  # noqa: E402
from tests.small_instruments import small_instrument  # noqa: E402

pytestmark = pytest.mark.heavy

BLOCKS = 20
TIMELINE = {
    0: [("slow piano", 1.0)],
    6: [("fast drums", 1.0)],
    9: [("fast drums", 0.6), ("warm pad", 0.4)],
    12: [("fast drums", 0.4), ("warm pad", 0.6)],
    17: [("slow piano", 0.5), ("warm pad", 0.5)],
}


def config_of(pattern: str, sampling: SamplingConfig) -> InstrumentConfig:
    """A tiny instrument with a causal codec, a control and a context drop."""
    codec = named_config("tiny-spectral").codec
    base = named_config("tiny" if pattern == "encoder-decoder" else "tiny-bc")
    dit = base.dit.model_copy(update={"additive": (*base.dit.additive, AdditiveInput(name="loudness", channels=2))})
    return base.model_copy(update={"name": f"tiny-{pattern}", "codec": codec, "dit": dit, "sampling": sampling})


@pytest.fixture(
    scope="module",
    params=[
        ("encoder-decoder", SamplingConfig(solver="euler", steps=4, guidance="cfg", guidance_scale=2.0, context_drop=5)),
        ("block-causal", SamplingConfig(solver="ping-pong", steps=3, guidance="cfg++", guidance_scale=1.5, context_drop=9)),
        ("block-causal", SamplingConfig(solver="heun", steps=2, guidance="none", context_drop=0)),
    ],
    ids=["encoder-decoder-cfg", "block-causal-p4", "block-causal-plain"],
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Instrument, Path]:
    config = config_of(*request.param)
    folder = tmp_path_factory.mktemp("exported") / "bundle"
    write_small_bundle(folder, config, rollout_blocks=8)
    return small_instrument(config), folder


@pytest.mark.parametrize("primed", [False, True])
def test_session_is_the_torch_rollout(exported: tuple[Instrument, Path], primed: bool):
    instrument, folder = exported
    config, seed = instrument.config, 3
    o, size = config.layout.block, config.codec.frame_size
    session, noise = Session(load_bundle(folder), seed=seed), Noise(seed)
    control = 0.5 * np.sin(0.3 * np.arange(BLOCKS * o) + np.array([[0.0], [1.0]])).astype(np.float32)
    start = None
    if primed:
        audio = 0.1 * np.random.default_rng(0).standard_normal((1, 37 * size + 11)).astype(np.float32)
        start = encode_audio(instrument.codec, torch.from_numpy(audio)[None], config.layout)
        session.prime(audio)
    rollout = Rollout.of(
        instrument,
        PromptTimeline(TIMELINE),
        lambda block, draw: torch.from_numpy(noise.block(block, draw, (1, config.dit.latent_channels, o))),
        seconds=config.seconds_total,
        start=start,
        controls=ControlTimeline({"loudness": torch.from_numpy(control)[None]}, config.layout),
    )
    errors, peak = [], 0.0
    for block, expected in enumerate(islice(cached_blocks(rollout), BLOCKS)):
        if block in TIMELINE:
            session.set_prompts(TIMELINE[block])
        session.set_control("loudness", control[:, block * o : (block + 1) * o])
        session.next_latents()
        assert session.latent_block is not None
        errors.append(np.abs(session.latent_block - expected.numpy()).max())
        peak = max(peak, float(expected.abs().max()))
    assert max(errors) < 1e-4 * peak, f"errors by block {errors}, peak {peak}"
