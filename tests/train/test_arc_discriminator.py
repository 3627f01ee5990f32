"""The discriminator: released sizes, hidden states that are the backbone's own, all frames heard, controls that start silent."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lmdm_train.arc.discriminator import Discriminator, Heard
from lmdm_train.arc.head import ConvNeXtHead
from lmdm_train.arc.settings import DiscriminatorSettings, HeadSettings
from lmdm_train.config import AdditiveInput, Pattern
from lmdm_train.errors import ModelError
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset
from tests.small_instruments import randomise, small_instrument, tokenizer_model

S, L = 12, 28
PITCH = (AdditiveInput(name="pitch", channels=3),)


def backbone(seed: int = 3, **dit) -> Instrument:
    config = preset("tiny")
    depth = {"depth": 4, "global_token": "first", **dit}
    config = config.model_copy(update={"dit": config.dit.model_copy(update=depth), "pattern": Pattern(kind="bidirectional")})
    return small_instrument(config, seed).requires_grad_(True)


def heard(d: Discriminator, *, seed: int = 0, controls: Tensor | None = None) -> Heard:
    generator = torch.Generator().manual_seed(seed)
    width = d.dit.config.text_width
    tokens, cond = torch.randn(2, 5, width, generator=generator), torch.randn(2, width, generator=generator)
    return Heard(tokens, cond, {} if controls is None else {"pitch": controls})


def music(seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 8, L, generator=generator), torch.rand(2, generator=generator)


@pytest.mark.parametrize(("tokens", "scores"), [(577, 144), (193, 48)])
def test_the_released_head(tokens, scores):
    """Facts sheet §4: parameters and the number of scores of its two rollouts."""
    head = ConvNeXtHead(1024, HeadSettings())
    assert sum(p.numel() for p in head.parameters()) == 3_201_538
    assert all(key.startswith("encoder.") and key.endswith(("weight_g", "weight_v", "bias")) for key in head.state_dict())
    small = ConvNeXtHead(64, HeadSettings())
    assert small(torch.randn(1, 64, tokens)).shape == (1, scores)
    assert sum(p.numel() for p in small.parameters()) < 20_000


@pytest.mark.parametrize("token", ["first", "last"])
@pytest.mark.parametrize("layers", [1, 3, 4])
def test_what_the_head_gets_is_the_backbones_hidden_state(token, layers):
    """Control: the hidden state of the layer before is another. The global token never reaches the head (released: off by one)."""
    whole = backbone(global_token=token)
    d = Discriminator(whole, (), DiscriminatorSettings(layers=layers))
    given = heard(d)
    x, t = music()
    got: list[Tensor] = []
    d.head.register_forward_pre_hook(lambda module, args: got.append(args[0]))
    states: list[Tensor] = []
    with torch.no_grad():
        d(x, t, given, S)
        whole.dit(x, t, given.cross_tokens, given.global_cond, collect=states)
    frames = [state[:, 1:] if token == "first" else state[:, :-1] for state in states]
    assert torch.equal(got[0].transpose(1, 2), frames[layers - 1][:, S:])
    assert len(states) == 4
    other = states[layers - 2] if layers > 1 else states[1]
    assert not torch.allclose(got[0].transpose(1, 2), (other[:, 1:] if token == "first" else other[:, :-1])[:, S:], atol=1e-2)
    assert d.head(torch.cat(got, dim=-1)[..., :16]).shape == (2, 4)


def test_three_quarters_of_the_layers_run_and_no_more_than_there_are():
    assert Discriminator(backbone(), (), DiscriminatorSettings()).dit.config.depth == 3
    with pytest.raises(ModelError, match="shall run 5 layers, its backbone has 4"):
        Discriminator(backbone(), (), DiscriminatorSettings(layers=5))


def test_the_context_is_attended_to_and_scored_only_if_asked():
    d = Discriminator(backbone(), (), DiscriminatorSettings())
    randomise(d.head)
    x, t = music()
    other = torch.cat((x[..., :S].roll(1, -1), x[..., S:]), dim=-1)
    with torch.no_grad():
        scores = d(x, t, heard(d), S)
        assert scores.shape == (2, 4)
        assert float((d(other, t, heard(d), S) - scores).abs().max()) > 1e-4
        everything = Discriminator(backbone(), (), DiscriminatorSettings(hears="all"))
        assert everything(x, t, heard(d), S).shape == (2, 7)
    with pytest.raises(ModelError, match="needs 4 frames, found 3"):
        d(x[..., : S + 3], t, heard(d), S)


def test_controls_are_silent_at_first_unless_the_backbone_knows_them():
    x, t = music()
    controls = torch.rand(2, 3, L)
    fresh = Discriminator(backbone(), PITCH, DiscriminatorSettings())
    without = Discriminator(backbone(), (), DiscriminatorSettings())
    without.head.load_state_dict(fresh.head.state_dict())
    with torch.no_grad():
        assert torch.equal(fresh(x, t, heard(fresh, controls=controls), S), without(x, t, heard(without), S))
    fresh(x, t, heard(fresh, controls=controls), S).sum().backward()
    assert fresh.dit.to_input_add_embed is not None
    assert bool(fresh.dit.to_input_add_embed.weight.grad.any())

    knowing = backbone(additive=(AdditiveInput(name="inpaint_mask", channels=1), *PITCH))
    taught = Discriminator(knowing, PITCH, DiscriminatorSettings())
    assert taught.dit.to_input_add_embed is not None
    assert torch.equal(taught.dit.to_input_add_embed.weight, knowing.dit.to_input_add_embed.weight[:, 1:])


def test_everything_that_can_learn_does():
    config = preset("tiny")
    d = Discriminator(Instrument(config, tokenizer=tokenizer_model()), PITCH, DiscriminatorSettings(layers=2))
    randomise(d)
    x, t = music()
    embedding = d.conditioner.encode_prompts(["slow piano", "fast drums"])
    tokens, cond = d.conditioner.tokens(embedding, torch.tensor([1.0, 2.0]))
    d(x, t, Heard(tokens, cond, {"pitch": torch.rand(2, 3, L)}), S).square().sum().backward()
    untouched = {name for name, p in d.named_parameters() if p.requires_grad and p.grad is None}
    assert untouched == set()
    assert {name for name, p in d.named_parameters() if not p.requires_grad} == {
        "dit.transformer.project_out.weight",
        "dit.postprocess_conv.weight",
    }
