"""The graph `sketch`: the stream that is exported is the analysis of training, and what training was not told it cannot know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from lmdm_export.errors import ExportError
from lmdm_export.graphs import build_graphs, require_exportable
from lmdm_export.graphs.sketch import sketch_graph
from lmdm_export.manifest_document import control_entries, sketch_entry
from lmdm_export.onnx_writer import to_onnx
from lmdm_export.simplify import simplified
from lmdm_export.validate.scenario import SAMPLE, sketch_signal
from lmdm_train.config import InstrumentConfig
from lmdm_train.control import AccompanimentControl
from lmdm_train.control.sketch import MEDIANS, finish, raw_features
from lmdm_train.presets import preset
from tests.bundles import spectral_config
from tests.small_instruments import small_instrument

BLOCKS = 12
# fmt: off
PLAIN = {
    "Abs", "Add", "Cast", "Clip", "Concat", "Div", "Expand", "Gather", "Greater", "GreaterOrEqual", "Log", "MatMul", "Max", "MaxPool",
    "Min", "Mul", "Pow", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape", "Slice", "Sub", "TopK", "Transpose", "Unsqueeze", "Where",
}
# fmt: on


def stereo_config() -> InstrumentConfig:
    """Sketch controls over long frames and two channels."""
    document = preset("tiny-sketch").model_dump()
    document["codec"] |= {"audio_channels": 2, "channel_mults": (1, 2, 2), "strides": (4, 8, 8)}
    document["controls"][0]["lowest_hz"] = 220.0
    return InstrumentConfig.model_validate(document)


def streamed(config: InstrumentConfig, audio: torch.Tensor, median: int, run=None) -> dict[str, np.ndarray]:
    """The graph over audio [1, channels, samples] block by block, from its first state; `run` replaces the torch module."""
    made = sketch_graph(config)
    assert made is not None
    spec, state = made
    block, parts = config.layout.block * config.codec.frame_size, []
    smoothing = torch.tensor([float(length == median) for length in MEDIANS])
    for start in range(0, audio.shape[2], block):
        out = (run or spec.run)({"audio": audio[..., start : start + block], "smoothing": smoothing, **state})
        state = {name: out[f"{name}_out"] for name in state}
        parts.append(out)
    return {name: np.concatenate([np.asarray(part[name]) for part in parts], axis=2) for name in ("pitch", "loudness")}


def recording(config: InstrumentConfig) -> torch.Tensor:
    signal = sketch_signal(BLOCKS * config.layout.block * config.codec.frame_size, config.codec.sample_rate)
    return torch.from_numpy(signal)[None, None] * torch.linspace(1, 0.5, config.codec.audio_channels)[None, :, None]


@pytest.mark.parametrize("median", [1, 3, 15])
@pytest.mark.parametrize("config", [preset("tiny-sketch"), stereo_config()], ids=["tiny", "stereo"])
def test_the_stream_is_what_training_computes(config: InstrumentConfig, median: int) -> None:
    audio = recording(config)
    expected = finish(config, raw_features(config, audio.mean(dim=1)), median)
    made = streamed(config, audio, median)
    for name, values in expected.items():
        assert values[:, 1:].std() > 0.05
        np.testing.assert_allclose(made[name], values.numpy(), atol=1e-4)
    other = finish(config, raw_features(config, audio.mean(dim=1)), 5)
    assert max(np.abs(made[name] - other[name].numpy()).max() for name in made) > 1e-2
    # One channel alone is another sketch where the channels differ.
    if config.codec.audio_channels > 1:
        left = finish(config, raw_features(config, audio[:, 0]), median)
        assert np.abs(made["loudness"] - left["loudness"].numpy()).max() > 1e-2


def test_a_signal_that_16_bits_hold() -> None:
    signal = sketch_signal(20_000, 44_100)
    assert np.array_equal((signal * SAMPLE).astype(np.int16) / np.float32(SAMPLE), signal)
    assert 0.1 < np.abs(signal).max() < 1
    assert (signal == 0).mean() > 0.2


@pytest.mark.heavy
def test_graph_in_onnx_runtime(tmp_path: Path) -> None:
    config = stereo_config()
    made = sketch_graph(config)
    assert made is not None
    model = simplified(to_onnx(made[0])).model
    assert [(entry.domain, entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")] == [("", 20)]
    assert {node.op_type for node in model.graph.node} <= PLAIN
    onnx.save(model, tmp_path / "sketch.onnx")
    session = ort.InferenceSession(tmp_path / "sketch.onnx", providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    assert tuple(names) == made[0].outputs

    def run(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        found = session.run(names, {name: value.numpy() for name, value in inputs.items()})
        return {name: torch.from_numpy(value) for name, value in zip(names, found, strict=True)}

    audio = recording(config)
    for median in (1, 9):
        expected, found = streamed(config, audio, median), streamed(config, audio, median, run)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-4)


def test_instruments_without_sketch_have_no_such_graph() -> None:
    assert sketch_graph(preset("tiny-accompaniment")) is None
    graphs = build_graphs(small_instrument("tiny-accompaniment"))
    assert "sketch" not in {graph.name for graph in graphs.graphs}
    graphs = build_graphs(small_instrument("tiny-sketch"))
    assert [graph.name for graph in graphs.graphs][1] == "sketch"
    assert set(graphs.states) == {"sketch"}
    codec = spectral_config().codec
    causal = preset("tiny-sketch").model_copy(update={"codec": codec, "name": "tiny-both"})
    assert set(build_graphs(small_instrument(causal)).states) == {"sketch", "codec_encoder", "codec_decoder"}


def test_entries_of_the_manifest() -> None:
    pitch, loudness = control_entries(preset("tiny-sketch"))
    axes = pitch.pop("axis"), loudness["axis"]
    assert [axis["unit"] for axis in axes] == ["Hz", "dB"]
    assert [len(axis["values"]) for axis in axes] == [24, 16]
    assert (axes[0]["values"][12] / axes[0]["values"][0], axes[1]["values"][-1]) == (pytest.approx(2, abs=1e-5), 0)
    assert pitch == {"kind": "pitch", "source": "sketch", "groups": [{"name": "pitch", "channels": 25}], "presence": 0}
    assert loudness["groups"] == [{"name": "loudness", "channels": 17}]
    (other,) = control_entries(preset("tiny-accompaniment"))
    assert (other["cutoff"], other["t_f"]) == (10, -2)
    assert [group["channels"] for group in other["groups"]] == [1, 8]
    (free,) = control_entries(preset("tiny-control"))
    assert free == {"kind": "loudness", "source": "caller", "groups": [{"name": "loudness", "channels": 1}]}
    assert sketch_entry(preset("tiny-sketch"), {"sketch": "states/sketch.npz"}) == {
        "medians": [1, 3, 5, 9, 15],
        "median": 1,
        "states": "states/sketch.npz",
    }
    assert sketch_entry(preset("tiny-control"), {}) is None


@pytest.mark.parametrize(("cutoff", "fits"), [(15, False), (16, True), (20, True)])
def test_accompaniment_that_changes_under_a_cache_is_refused(cutoff: int, fits: bool) -> None:
    document = preset("tiny-bc").model_dump()
    control = AccompanimentControl(cutoff=cutoff)
    document["controls"] = [control.model_dump()]
    document["dit"]["additive"] = [
        *document["dit"]["additive"],
        *({"name": name, "channels": channels} for name, channels in control.groups(8)),
    ]
    config = InstrumentConfig.model_validate(document)
    if fits:
        require_exportable(config)
        return
    with pytest.raises(ExportError, match=r"accompaniment ends at frame 15 of a context of 16.* encoder-decoder") as refused:
        require_exportable(config)
    assert "\n" not in str(refused.value)
