"""The T5 text encoder as a graph; runs where the transformers package is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmdm_export.graphs import build_graphs
from lmdm_train.config import InstrumentConfig
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset
from tests.export.onnx_run import relative_error, worst_error, write
from tests.small_instruments import randomise, tokenizer_model

pytestmark = pytest.mark.heavy


def test_t5_equals_torch_and_honours_its_mask(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = transformers.T5Config(vocab_size=128, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    folder = tmp_path / "t5"
    transformers.T5EncoderModel(sizes).save_pretrained(folder)
    (folder / "spiece.model").write_bytes(tokenizer_model())
    document = {**preset("tiny").model_dump(), "text": {"kind": "t5", "tokens": 8, "width": 32}}
    instrument = Instrument(InstrumentConfig.model_validate(document), t5=folder)
    randomise(instrument)
    graphs = build_graphs(instrument.eval().requires_grad_(False))
    written = write(graphs, tmp_path / "graphs", ("text_encoder",))
    assert worst_error(written, graphs["text_encoder"]) < 1e-5
    ids, mask = instrument.conditioner.tokenize(["slow piano"])
    mask[:, 5:] = 0
    made = written.run("text_encoder", {"token_ids": ids, "token_mask": mask})["embedding"]
    assert relative_error(instrument.conditioner.encode_text(ids, mask), made) < 1e-5
    assert not made[:, 5:].any()
