"""Routing inputs, conditioning, text and presets."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import pytest
import torch

from lmdm_train.config import DiTConfig, InstrumentConfig, Layout, TextConfig
from lmdm_train.errors import LmdmTrainError, ModelError, TextError
from lmdm_train.model.conditioning import Conditioner
from lmdm_train.model.dit import DiT
from lmdm_train.model.routing import additive_input, history_mask
from lmdm_train.model.text import T5_FOLDER_VARIABLE
from lmdm_train.presets import PRESETS, preset
from tests.small_instruments import small_instrument, tokenizer_model


def test_null_context_keeps_its_mask() -> None:
    config = preset("tiny")
    null = additive_input(config.dit, torch.zeros(1, 8, 12), None, config.layout)
    assert null.shape == (1, 9, 16)
    assert bool((null[:, 0, :12] == 1).all())
    assert bool((null[:, 0, 12:] == 0).all())
    assert bool((null[:, 1:] == 0).all())


def test_controls_reach_context_and_block() -> None:
    config = preset("tiny-control")
    loudness = torch.randn(1, 1, 16)
    additive = additive_input(config.dit, torch.randn(1, 8, 12), {"loudness": loudness}, config.layout)
    assert torch.equal(additive[:, -1:], loudness)
    with pytest.raises(ModelError, match=r"takes the controls \['loudness'\], found none"):
        additive_input(config.dit, torch.zeros(1, 8, 12), None, config.layout)
    with pytest.raises(ModelError, match=r"shape \[1, 1, 15\], expected \[1, 1, 16\]"):
        additive_input(config.dit, torch.zeros(1, 8, 12), {"loudness": loudness[..., 1:]}, config.layout)
    with pytest.raises(ModelError, match="11 frames, layout 12/4 expects 12"):
        additive_input(config.dit, torch.zeros(1, 8, 11), {"loudness": loudness}, config.layout)


def test_history_is_block_causal_only() -> None:
    config = preset("tiny")
    with pytest.raises(ModelError, match="block-causal"):
        history_mask(config.pattern, config.layout, 5)


def test_narrow_heads_are_refused() -> None:
    with pytest.raises(ModelError, match="heads are 16 wide"):
        DiT(DiTConfig(width=64, heads=4))


def test_base_model_encodes_no_context() -> None:
    network = DiT(DiTConfig(latent_channels=4, width=64, heads=1, depth=1, text_width=8, global_width=8))
    conditioning = network.condition(torch.zeros(1, 2, 8), torch.zeros(1, 8))
    with pytest.raises(ModelError, match="no additive input"):
        network.encode_context(torch.zeros(1, 0, 3), conditioning, torch.arange(1, 4))


def test_text_tokens_come_before_seconds_and_padding_is_zero() -> None:
    conditioner = small_instrument().conditioner
    ids, mask = conditioner.tokenize(["slow piano", ""])
    embedding = conditioner.encode_text(ids, mask)
    assert bool((embedding[mask == 0] == 0).all())
    assert int(mask[1].sum()) == 1, "an empty prompt is its end of sentence"
    cross, seconds = conditioner.tokens(embedding, torch.tensor([11.0, 300.0]))
    assert torch.equal(cross[:, :-1], embedding)
    assert torch.equal(cross[:, -1], seconds)
    torch.testing.assert_close(seconds[1], conditioner.seconds_total(torch.tensor([256.0]))[0])


def test_padding_does_not_change_the_prompt() -> None:
    conditioner = small_instrument().conditioner
    ids, mask = conditioner.tokenize(["slow piano"])
    other = ids.clone()
    other[mask == 0] = 5
    assert torch.equal(conditioner.encode_text(ids, mask), conditioner.encode_text(other, mask))


def test_long_and_upper_case_prompts() -> None:
    conditioner = small_instrument().conditioner
    ids, mask = conditioner.tokenize(["Slow PIANO " * 9, "slow piano " * 9])
    assert torch.equal(ids[0], ids[1])
    assert bool(mask.all())
    assert int(ids[0, -1]) == 1


def test_absent_text_encoders_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(T5_FOLDER_VARIABLE, raising=False)
    sao = preset("sao-small")
    with pytest.raises(TextError, match="needs a local T5 folder"):
        Conditioner(sao).tokenize(["x"])
    with pytest.raises(TextError, match=r"no spiece\.model"):
        Conditioner(sao, t5=tmp_path).tokenize(["x"])
    with pytest.raises(TextError, match="no tokenizer"):
        Conditioner(preset("tiny")).tokenize(["x"])
    without = sao.model_copy(update={"text": TextConfig(kind="none")})
    with pytest.raises(TextError, match="pass embeddings"):
        Conditioner(without).encode_text(torch.zeros(1, 64, dtype=torch.int64), torch.ones(1, 64))


def test_t5_folder_serves_tokens_and_embeddings(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = transformers.T5EncoderModel(
        transformers.T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2, feed_forward_proj="relu")
    )
    model.save_pretrained(tmp_path)
    (tmp_path / "spiece.model").write_bytes(tokenizer_model())
    config = preset("tiny").model_copy(update={"text": TextConfig(kind="t5", tokens=8, width=32)})
    conditioner = Conditioner(config, t5=tmp_path)
    embedding = conditioner.encode_prompts(["slow piano"])
    assert embedding.shape == (1, 8, 32)
    theirs = transformers.T5Tokenizer.from_pretrained(tmp_path, legacy=False)
    prompts = ["slow piano", "fast drums and bass over a walking lead", ""]
    padded = theirs(prompts, padding="max_length", max_length=8, truncation=True)
    assert conditioner.tokenize(prompts)[0].tolist() == padded["input_ids"]
    assert conditioner.tokenize(prompts)[1].tolist() == padded["attention_mask"]
    assert not any("t5" in key for key in conditioner.state_dict())


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_valid_and_named(name: str) -> None:
    config = preset(name)
    assert config.name == name
    assert InstrumentConfig.model_validate_json(config.model_dump_json()) == config


def test_preset_at_another_layout() -> None:
    assert preset("lmdm-ed", "230/10").layout == Layout(context=230, block=10)
    assert preset("lmdm-ed", layout="208-47").layout == preset("lmdm-ed-208-47").layout
    assert preset("lmdm-accompaniment-ed").dit.additive_channels == 130
    with pytest.raises(LmdmTrainError, match="multiple of the block"):
        preset("lmdm-bc", "230/47")
    with pytest.raises(LmdmTrainError, match="choose one of"):
        preset("lmdm")
    with pytest.raises(LmdmTrainError, match="such as 192/48"):
        preset("lmdm-ed", "192")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_context_encoder_and_cached_decoder_trace() -> None:
    """Both halves are free of data-dependent control flow."""
    instrument = small_instrument("tiny-bc")
    network, layout = instrument.dit, instrument.config.layout

    class Halves(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor, t: torch.Tensor, text: torch.Tensor, seconds: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            conditioning = self.network.condition(text, seconds)
            positions = torch.arange(1, layout.window + 1)
            clean = torch.cat((torch.ones_like(x[:, :1]), x), dim=1)
            first = self.network.encode_context(clean, conditioning, positions[:4])
            raw = self.network.encode_context(
                clean, conditioning, positions[4:8], past=first, past_positions=positions[:4], past_valid=valid
            )
            return self.network.decode_block(x, t, conditioning, self.network.rotate(raw, positions[4:8]), positions=positions[8:12])

    inputs = (torch.randn(1, 8, 4), torch.ones(1), torch.randn(1, 9, 32), torch.randn(1, 32), torch.tensor(4))
    program = torch.export.export(Halves(), inputs)
    assert torch.allclose(program.module()(*inputs), Halves()(*inputs), atol=1e-5)


@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-control"])
def test_everything_follows_its_device(name: str) -> None:
    """A tensor left behind on the CPU would raise here as it would on a GPU."""
    instrument = small_instrument(name).to("meta")
    network, layout, config = instrument.dit, instrument.config.layout, instrument.config.dit

    def empty(*shape: int) -> torch.Tensor:
        return torch.empty(*shape, device="meta")

    with torch.device("meta"):
        positions = torch.arange(1, layout.window + 1)
    ids, mask = torch.zeros(2, 8, dtype=torch.int64, device="meta"), empty(2, 8)
    cross, seconds = instrument.conditioner.tokens(instrument.conditioner.encode_text(ids, mask), empty(2))
    controls = {group.name: empty(2, group.channels, layout.window) for group in config.controls}
    additive = additive_input(config, empty(2, config.latent_channels, layout.context), controls, layout)
    x, t = empty(2, config.latent_channels, layout.window), empty(2)
    assert network(x, t, cross, seconds, additive=additive).shape == x.shape
    conditioning = network.condition(cross, seconds)
    block = slice(0, layout.block)
    raw = network.encode_context(additive[..., block], conditioning, positions[block])
    with torch.device("meta"):
        valid = torch.tensor(3)
    raw = network.encode_context(
        additive[..., block], conditioning, positions[block], past=raw, past_positions=positions[block], past_valid=valid
    )
    kv = network.rotate(raw, positions[block])
    velocity = network.decode_block(x[..., block], t, conditioning, kv, additive=additive[..., block], positions=positions[block])
    assert velocity.shape == (2, config.latent_channels, layout.block)
    assert instrument.codec.encode(instrument.codec.decode(velocity)).shape == velocity.shape


def test_instruments_can_be_copied() -> None:
    instrument = small_instrument()
    twin = copy.deepcopy(instrument)
    assert torch.equal(twin.conditioner.tokenize(["slow piano"])[0], instrument.conditioner.tokenize(["slow piano"])[0])


def test_tokenizer_without_end_of_sentence_is_refused() -> None:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c"] * 9), model_writer=model, vocab_size=10, hard_vocab_limit=False, eos_id=-1, minloglevel=2
    )
    with pytest.raises(TextError, match="end-of-sentence"):
        Conditioner(preset("tiny"), tokenizer=model.getvalue())
