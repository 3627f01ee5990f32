"""Our own checkpoints: what is saved comes back, and what is damaged is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.checkpoint.files import read_safetensors, write_tensors
from lmdm_train.errors import CheckpointError
from tests.small_instruments import small_instrument


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save_instrument(tmp_path / "guitar", small_instrument())


def test_round_trip(saved: Path) -> None:
    before, after = small_instrument(), load_instrument(saved)
    assert after.config == before.config
    assert all(torch.equal(value, after.state_dict()[key]) for key, value in before.state_dict().items())
    assert before.conditioner.tokenize(["slow piano"])[0].tolist() == after.conditioner.tokenize(["slow piano"])[0].tolist()
    assert not after.training
    assert sorted(path.name for path in saved.parent.iterdir()) == ["guitar.json", "guitar.safetensors", "guitar.tokenizer.model"]


@pytest.mark.parametrize("name", ["guitar", "guitar.json", "guitar.safetensors"])
def test_any_of_its_names_will_do(saved: Path, name: str) -> None:
    assert load_instrument(saved.with_name(name)).config.name == "tiny"


def test_half_precision_storage(tmp_path: Path) -> None:
    path = save_instrument(tmp_path / "half", small_instrument(), dtype=torch.float16)
    stored, loaded = read_safetensors(path), load_instrument(path).state_dict()
    assert stored["dit.transformer.project_in.weight"].dtype == torch.float16
    assert stored["dit.transformer.rotary_pos_emb.inv_freq"].dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in loaded.values())
    for key, value in small_instrument().state_dict().items():
        torch.testing.assert_close(loaded[key], value, rtol=1e-3, atol=1e-4)


def test_half_precision_that_overflows_is_refused(tmp_path: Path) -> None:
    instrument = small_instrument()
    instrument.dit.transformer.project_in.weight[0, 0] = 1e6
    with pytest.raises(CheckpointError, match=r"infinite values in dit\.transformer\.project_in\.weight"):
        save_instrument(tmp_path / "half", instrument, dtype=torch.float16)
    assert not list(tmp_path.iterdir())


def test_own_rotary_frequencies_survive(tmp_path: Path) -> None:
    instrument = small_instrument()
    instrument.dit.transformer.rotary_pos_emb.inv_freq.mul_(0.7)
    loaded = load_instrument(save_instrument(tmp_path / "odd", instrument))
    assert torch.equal(loaded.dit.transformer.rotary_pos_emb.inv_freq, instrument.dit.transformer.rotary_pos_emb.inv_freq)


def test_folded_codec_round_trip(tmp_path: Path) -> None:
    instrument = small_instrument()
    frames = torch.randn(1, 8, 5)
    audio = instrument.codec.decode(frames)
    instrument.codec.fold_weight_norm()
    loaded = load_instrument(save_instrument(tmp_path / "folded", instrument))
    torch.testing.assert_close(loaded.codec.decode(frames), audio)


def test_failed_write_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_instrument(saved, small_instrument(seed=1))
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 3


def test_damaged_files_are_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:100], b"", b"not a checkpoint at all"):
        saved.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"guitar\.safetensors is not a whole safetensors file"):
            load_instrument(saved)
    saved.unlink()
    with pytest.raises(CheckpointError, match="there is no checkpoint file"):
        load_instrument(saved)


def test_damaged_configuration_is_refused(saved: Path) -> None:
    config = saved.with_suffix(".json")
    fields = json.loads(config.read_text())
    config.write_text(json.dumps({**fields, "colour": "red"}))
    with pytest.raises(CheckpointError, match="does not describe an instrument: colour"):
        load_instrument(saved)
    config.write_text("{")
    with pytest.raises(CheckpointError, match="does not describe an instrument"):
        load_instrument(saved)
    config.unlink()
    with pytest.raises(CheckpointError, match="no configuration"):
        load_instrument(saved)


def test_weights_must_be_finite(saved: Path) -> None:
    tensors = read_safetensors(saved)
    tensors["dit.to_cond_embed.0.weight"][0, 0] = float("nan")
    write_tensors(saved, tensors, {})
    with pytest.raises(CheckpointError, match=r"NaN or infinite values in dit\.to_cond_embed\.0\.weight"):
        load_instrument(saved)


def test_keys_and_shapes_must_fit(saved: Path) -> None:
    tensors = read_safetensors(saved)
    fewer = dict(tensors)
    del fewer["dit.to_cond_embed.0.weight"]
    write_tensors(saved, {**fewer, "dit.surprise": torch.ones(1)}, {})
    with pytest.raises(CheckpointError, match=r"lacks dit\.to_cond_embed\.0\.weight and has the unknown keys dit\.surprise"):
        load_instrument(saved)
    write_tensors(saved, {**tensors, "dit.to_cond_embed.0.weight": torch.ones(3, 3)}, {})
    with pytest.raises(CheckpointError, match=r"dit\.to_cond_embed\.0\.weight has shape \[3, 3\], expected \[128, 32\]"):
        load_instrument(saved)
