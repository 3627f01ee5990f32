"""Each exported graph against the torch module that it was traced from, and against the network's own masked forward."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from lmdm_export.errors import ExportError
from lmdm_export.graphs import InstrumentGraphs, build_graphs, require_exportable
from lmdm_train.config import InstrumentConfig, SpectralConfig
from lmdm_train.model.routing import additive_input, allowed_mask, router_mask
from lmdm_train.presets import preset
from lmdm_train.rollout import Rollout, cached_blocks
from lmdm_train.rollout.noise import seeded_noise
from lmdm_train.rollout.prompts import PromptTimeline
from tests.export.onnx_run import Written, random_inputs, relative_error, worst_error, write
from tests.small_instruments import small_instrument

NETWORK = ("conditioner", "context_encoder", "cached_decoder")
# Each of these builds in TensorRT-RTX too. No control flow, no attention operator, nothing of a vendor's domain.
# fmt: off
PLAIN = {
    "Add", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "ConvTranspose", "Cos", "Div", "Expand", "Floor", "Gather",
    "GatherND", "Gelu", "Gemm", "IsNaN", "LayerNormalization", "LessOrEqual", "Log", "MatMul", "Mod", "Mul", "Neg", "Pad", "Pow",
    "Reshape", "Sigmoid", "Sin", "Slice", "Softmax", "Split", "Sqrt", "Sub", "Transpose", "Unsqueeze", "Where",
}
# fmt: on


def varied(name: str, **parts: object) -> InstrumentConfig:
    """A preset with some parts replaced, checked as a whole."""
    document = preset(name).model_dump()
    for part, values in parts.items():
        document[part] = {**document[part], **values} if isinstance(values, dict) and "kind" not in values else values
    return InstrumentConfig.model_validate(document)


def graphs_of(config: InstrumentConfig | str) -> InstrumentGraphs:
    return build_graphs(small_instrument(config))


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    graphs = graphs_of("tiny-bc")
    return graphs, write(graphs, tmp_path_factory.mktemp("causal"), NETWORK)


@pytest.mark.parametrize("name", NETWORK)
def test_block_causal_graph_equals_torch(causal: tuple, name: str) -> None:
    graphs, written = causal
    assert worst_error(written, graphs[name]) < 1e-5


@pytest.mark.parametrize("name", NETWORK)
def test_graph_is_opset_20_of_plain_operators(causal: tuple, name: str) -> None:
    _, written = causal
    model = onnx.load(written.path(name), load_external_data=False)
    assert [(entry.domain, entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")] == [("", 20)]
    assert set(written.found[name].operators) <= PLAIN
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}


def test_past_frames_hide_what_was_never_encoded(causal: tuple) -> None:
    graphs, written = causal
    inputs = random_inputs(graphs["context_encoder"])
    empty = {**inputs, "past_frames": torch.zeros(1, dtype=torch.int64)}
    other = {**empty, "raw_k_00": inputs["raw_k_00"] + 1, "self_v_00": inputs["self_v_00"] - 1}
    newest = slice(-graphs["context_encoder"].inputs["context"].shape[-1], None)
    first, second = (written.run("context_encoder", given)["raw_k_01_out"][:, :, newest] for given in (empty, other))
    assert np.array_equal(first, second)
    seen = written.run("context_encoder", {**other, "past_frames": inputs["past_frames"]})["raw_k_01_out"][:, :, newest]
    assert np.abs(seen - first).max() > 1e-3


def rolled(graphs: InstrumentGraphs, written: Written, config: InstrumentConfig) -> tuple[np.ndarray, torch.Tensor]:
    """Two blocks by the exported graphs with Euler and CFG, and by the reference rollout."""
    instrument = small_instrument(config)
    noise = seeded_noise((1, config.dit.latent_channels, config.layout.block), seed=3)
    rollout = Rollout.of(instrument, PromptTimeline({0: "slow piano in C major"}), noise, seconds=config.seconds_total)
    stream = cached_blocks(rollout)
    expected = torch.cat([next(stream), next(stream)])
    embedding = instrument.conditioner.encode_prompts(["slow piano in C major"])
    condition = written.run("conditioner", {"embedding": embedding, "seconds": torch.full((1,), config.seconds_total)})
    cross = {k: torch.from_numpy(v) for k, v in condition.items()}
    global_embed = {"global_embed": cross.pop("global_embed")}
    s, o = config.layout.context, config.layout.block
    context = torch.zeros(1, config.dit.latent_channels, s)
    cache = {k: v for k, v in graphs["context_encoder"].inputs.items() if k.startswith(("raw_k", "self_v"))}
    made, frames = [], 0
    levels = rollout.levels.tolist()
    for block in range(2):
        if cache:
            starts = range(0, s, o) if block == 0 else [s - o]
            for start in starts:
                past = {"past_frames": torch.tensor([min(frames, s)])}
                out = written.run("context_encoder", {"context": context[..., start : start + o], **past, **cross, **cache})
                cache = {k.removesuffix("_out"): torch.from_numpy(v) for k, v in out.items() if k.endswith("_out")}
                frames += o
            keys = {k: torch.from_numpy(v) for k, v in out.items() if k.startswith("self_k")}
            self_kv = {**keys, **{k: v for k, v in cache.items() if k.startswith("self_v")}}
        else:
            self_kv = {k: torch.from_numpy(v) for k, v in written.run("context_encoder", {"context": context, **cross}).items()}
        x = noise(block, 0)
        for t, t_next in pairwise(levels):
            feed = {"x": x, "t": torch.tensor([t]), **global_embed, **cross, **self_kv}
            v_cond, v_null = torch.from_numpy(written.run("cached_decoder", feed)["velocity"])
            x = x + (t_next - t) * (v_null + config.sampling.guidance_scale * (v_cond - v_null))[None]
        made.append(x)
        context = torch.cat((context, x), dim=-1)[..., -s:]
    return torch.cat(made).numpy(), expected


def test_block_causal_graphs_together_make_the_reference_blocks(causal: tuple) -> None:
    graphs, written = causal
    made, expected = rolled(graphs, written, preset("tiny-bc"))
    assert relative_error(expected, made) < 1e-5


def test_traced_modules_equal_the_masked_forward() -> None:
    """Context encoder and cached decoder as traced, with a control, against one masked forward of the window."""
    config = preset("tiny-control")
    instrument, graphs = small_instrument(config), graphs_of(config)
    s, o, batch = config.layout.context, config.layout.block, graphs.batch
    generator = torch.Generator().manual_seed(1)
    context, x = (torch.randn(1, config.dit.latent_channels, n, generator=generator) for n in (s, o))
    control = torch.randn(1, 1, s + o, generator=generator)
    embedding = torch.randn(1, config.text.tokens, config.text.width, generator=generator)
    seconds, t = torch.full((1,), 5.0), torch.tensor([0.6])
    made = graphs["conditioner"].run({"embedding": embedding, "seconds": seconds})
    global_embed = {"global_embed": made.pop("global_embed")}
    cache = graphs["context_encoder"].run({"context": context, "control_loudness": control[..., :s], **made})
    feed = {"x": x, "t": t, **global_embed, "control_loudness": control[..., s:], **made, **cache}
    velocity = graphs["cached_decoder"].run(feed)["velocity"]

    tokens, global_cond = instrument.conditioner.tokens(embedding, seconds)
    window = torch.cat((torch.randn(batch, config.dit.latent_channels, s, generator=generator), x.expand(batch, -1, -1)), dim=-1)
    expected = instrument.dit(
        window,
        t.expand(batch),
        torch.cat((tokens, torch.zeros_like(tokens))),
        global_cond.expand(batch, -1),
        additive=additive_input(config.dit, context, {"loudness": control}, config.layout).expand(batch, -1, -1),
        router=router_mask(config.layout),
        allowed=allowed_mask(config.pattern, config.layout),
    )[..., s:]
    assert relative_error(expected, velocity.numpy()) < 1e-5


VARIANTS = {
    "encoder-decoder": "tiny",
    "control": "tiny-control",
    "narrow window": varied("tiny-bc", pattern={"kind": "block-causal", "window_chunks": 3}),
    "sees all": varied("tiny-bc", pattern={"kind": "block-causal", "window_chunks": 3, "cached_target_sees_all": True}),
    "no guidance, no text": varied(
        "tiny", sampling={"guidance": "none", "guidance_scale": 1.0}, text={"kind": "none", "tokens": 8, "width": 32}
    ),
    "spectral": varied("tiny", codec=SpectralConfig(latent_channels=8, hidden=16, frame_size=512, longest_window=2048).model_dump()),
}


@pytest.mark.heavy
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_graph_equals_torch(variant: str, tmp_path: Path) -> None:
    graphs = graphs_of(VARIANTS[variant])
    # Text encoder and codec are those of the first variant, except where the codec is what varies.
    codec = ("codec_encoder", "codec_decoder")
    written = write(graphs, tmp_path, {"encoder-decoder": None, "spectral": codec}.get(variant, NETWORK))
    errors = {name: worst_error(written, graphs[name]) for name in written.found}
    assert max(errors.values()) < 2e-5, errors
    assert all(set(found.operators) <= PLAIN for found in written.found.values())


@pytest.mark.heavy
def test_encoder_decoder_graphs_together_make_the_reference_blocks(tmp_path: Path) -> None:
    graphs = graphs_of("tiny")
    made, expected = rolled(graphs, write(graphs, tmp_path, NETWORK), preset("tiny"))
    assert relative_error(expected, made) < 1e-5


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (preset("sao-small"), "bidirectional"),
        (varied("tiny", dit={**preset("tiny").dit.model_dump(), "additive": ()}), "no additive input"),
        (varied("tiny-bc", pattern={"kind": "block-causal", "window_chunks": 1}), "sees no context"),
        (varied("tiny", dit={**preset("tiny").dit.model_dump(), "global_token": "first"}), "global token first"),
    ],
)
def test_configuration_without_cached_form_is_refused(config: InstrumentConfig, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        require_exportable(config)
