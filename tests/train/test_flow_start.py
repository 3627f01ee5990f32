"""Where a stage begins: what a changed checkpoint keeps, what it gains, and what it must not become."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.config import Pattern
from lmdm_train.control import AccompanimentControl, LoudnessControl, PitchControl
from lmdm_train.errors import LmdmTrainError
from lmdm_train.flow.start import StartSettings, additive_columns, begin
from lmdm_train.model.dit import DiT
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input, allowed_mask, router_mask
from tests.small_instruments import small_instrument

SKETCH = (PitchControl(octaves=1), LoudnessControl())


def saved(tmp_path: Path, name: str = "tiny") -> Path:
    return save_instrument(tmp_path / name, small_instrument(name))


def started(start: StartSettings, role: str = "finetune") -> Instrument:
    instrument = begin(start.for_role(role))
    assert isinstance(instrument, Instrument)
    return instrument


def velocity(instrument: Instrument, controls: dict[str, Tensor] | None = None) -> Tensor:
    config, layout = instrument.config, instrument.config.layout
    random = torch.Generator().manual_seed(1)
    routed = config.pattern.kind != "bidirectional"
    x, text, seconds = (torch.randn(2, *shape, generator=random) for shape in ((8, layout.window), (9, 32), (32,)))
    clean = torch.randn(2, 8, layout.context, generator=random)
    additive = additive_input(config.dit, clean, controls, layout) if config.dit.additive else None
    with torch.no_grad():
        return instrument.dit(
            x,
            torch.tensor([0.2, 0.8]),
            text,
            seconds,
            additive=additive,
            router=router_mask(layout) if routed else None,
            allowed=allowed_mask(config.pattern, layout) if routed else None,
        )


def controls_of(instrument: Instrument) -> dict[str, Tensor]:
    window = instrument.config.layout.window
    return {group.name: torch.randn(2, group.channels, window) for group in instrument.config.dit.controls}


def test_new_controls_change_nothing_at_first(tmp_path: Path) -> None:
    file = saved(tmp_path)
    new = started(StartSettings(init=file, controls=SKETCH))
    assert [group.name for group in new.config.dit.additive] == ["inpaint_mask", "inpaint_masked_input", "pitch", "loudness"]
    before = velocity(load_instrument(file))
    assert torch.allclose(velocity(new, controls_of(new)), before, atol=1e-6)
    assert new.dit.to_input_add_embed is not None
    torch.nn.init.normal_(new.dit.to_input_add_embed.weight[:, 9:], std=0.1)
    assert not torch.allclose(velocity(new, controls_of(new)), before, atol=1e-2)


def test_columns_follow_their_names(tmp_path: Path) -> None:
    """A control that is kept keeps its columns, wherever they come to stand; one that is left out is gone."""
    file = saved(tmp_path, "tiny-sketch")
    old = load_instrument(file)
    more = started(StartSettings(init=file, controls=(AccompanimentControl(cutoff=12), *old.config.controls)))
    assert old.dit.to_input_add_embed is not None
    assert more.dit.to_input_add_embed is not None
    names = [group.name for group in more.config.dit.additive]
    assert names == ["inpaint_mask", "inpaint_masked_input", "pitch", "loudness", "accomp_mask", "accomp_input"]
    width = old.dit.to_input_add_embed.weight.shape[1]
    assert torch.equal(more.dit.to_input_add_embed.weight[:, :width], old.dit.to_input_add_embed.weight)
    less = started(StartSettings(init=file, controls=(old.config.controls[1],)))
    assert less.dit.to_input_add_embed is not None
    assert torch.equal(less.dit.to_input_add_embed.weight[:, 9:], old.dit.to_input_add_embed.weight[:, -17:])


def test_an_accompaniment_may_enter_as_the_context_does(tmp_path: Path) -> None:
    """Under a null context, twice the accompaniment in the context's place is the same to the network as that context, but for the mask."""
    file = saved(tmp_path, "tiny-sketch")
    control = AccompanimentControl(cutoff=12)
    plain = started(StartSettings(init=file, controls=(control,)))
    instrument = started(StartSettings(init=file, controls=(control,), fresh_accompaniment="context"))
    dit, layout = instrument.dit, instrument.config.layout
    assert dit.to_input_add_embed is not None
    assert plain.dit.to_input_add_embed is not None
    assert not plain.dit.to_input_add_embed.weight[:, -9:].any()
    music = torch.randn(1, 8, layout.window)
    music[..., layout.context :] = 0

    def entered(clean: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        masked = torch.cat((torch.ones(1, 1, layout.window), clean, torch.zeros(1, 1, layout.window), heard), dim=1)
        assert dit.to_input_add_embed is not None
        frames = clean + dit.preprocess_conv(clean)
        return dit.transformer.project_in(frames.transpose(1, 2)) + dit.to_input_add_embed(masked.transpose(1, 2))

    silent = torch.zeros_like(music)
    torch.testing.assert_close(entered(music, silent), entered(silent, 2 * music), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(entered(music, silent), entered(silent, music), atol=1e-2)


@pytest.mark.parametrize("role", ["base", "warm-start"])
def test_whole_window_roles_drop_the_context_and_keep_the_rest(tmp_path: Path, role: str) -> None:
    file = saved(tmp_path, "tiny-sketch")
    start = StartSettings(init=file, layout="44/4", name="backbone")
    new, old = started(start, role), load_instrument(file)
    assert new.config.pattern.kind == "bidirectional"
    assert [group.name for group in new.config.dit.additive] == ["pitch", "loudness"]
    assert (new.config.layout.window, new.config.name, new.config.dit.global_token) == (48, "backbone", "last")
    assert started(start.model_copy(update={"controls": ()}), role).dit.to_input_add_embed is None
    for key, value in old.state_dict().items():
        if "to_input_add_embed" not in key:
            assert torch.equal(value, new.state_dict()[key]), key


def test_a_base_model_becomes_block_wise_and_hears_clean_frames_as_frames_without_noise(tmp_path: Path) -> None:
    base = started(StartSettings(init=saved(tmp_path), global_token="first"), "base")
    file = save_instrument(tmp_path / "base", base)
    new = started(StartSettings(init=file, preset="tiny-bc"))
    assert new.config.pattern.kind == "block-causal"
    assert new.config.dit.global_token == "last"
    x = torch.randn(2, 8, 5)
    entering = base.dit.transformer.project_in((x + base.dit.preprocess_conv(x)).transpose(1, 2))
    clean = torch.cat((torch.zeros(2, 1, 5), x), dim=1).transpose(1, 2)
    assert new.dit.to_input_add_embed is not None
    assert torch.allclose(new.dit.to_input_add_embed(clean), entering, atol=1e-5)
    assert float(new.dit.to_input_add_embed.weight[:, 0].detach().abs().min()) > 0
    released = additive_columns(base.dit, DiT(new.config.dit), "random")
    assert not torch.allclose(released[:, 1:], new.dit.to_input_add_embed.weight[:, 1:], atol=1e-2)


def test_frequencies_of_the_checkpoint_win(tmp_path: Path) -> None:
    old = small_instrument("tiny")
    config = old.config.model_copy(update={"dit": old.config.dit.model_copy(update={"rotary_base": 1e6})})
    file = save_instrument(tmp_path / "other", small_instrument(config))
    new = started(StartSettings(init=file, preset="tiny"))
    assert new.config.dit.rotary_base == 1e6
    assert torch.equal(new.dit.transformer.rotary_pos_emb.inv_freq, load_instrument(file).dit.transformer.rotary_pos_emb.inv_freq)
    assert not torch.equal(new.dit.transformer.rotary_pos_emb.inv_freq, old.dit.transformer.rotary_pos_emb.inv_freq)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path)
    with pytest.raises(LmdmTrainError, match=r"set start\.init to a checkpoint, or start\.preset and start\.codec"):
        begin(StartSettings())
    with pytest.raises(LmdmTrainError, match="block-causal needs a context that is a multiple of the block"):
        begin(StartSettings(init=file, layout="10/4", pattern=Pattern(kind="block-causal")))
    with pytest.raises(LmdmTrainError, match="accompaniment cutoff 40 exceeds the window of 16 frames"):
        begin(StartSettings(init=file, controls=(AccompanimentControl(cutoff=40),)))
    with pytest.raises(LmdmTrainError, match=r"tiny\.safetensors has .* the configuration default expects .*choose another preset"):
        begin(StartSettings(init=file, preset="default"))
    with pytest.raises(LmdmTrainError, match="default expects kind='spectral'"):
        begin(StartSettings(preset="default", codec=file))
