"""The discriminator: a bidirectional diffusion transformer up to a layer, and a convolutional head on its hidden states (paper §4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmdm_train.arc.head import ConvNeXtHead
from lmdm_train.arc.settings import DiscriminatorSettings
from lmdm_train.config import AdditiveInput, DiTConfig
from lmdm_train.errors import ModelError
from lmdm_train.model.conditioning import Conditioner
from lmdm_train.model.dit import DiT
from lmdm_train.model.instrument import Instrument


class Heard(NamedTuple):
    """What goes with the music: cross tokens [B, T, text_width], global condition [B, global_width], controls [B, channels, L] by group."""

    cross_tokens: Tensor
    global_cond: Tensor
    controls: Mapping[str, Tensor]


class Discriminator(nn.Module):
    """Scores of noisy music, with text and with the generator's local controls.

    Controls enter through the network's own additive input: columns that the backbone has by name are taken from it, the others start
    at zero. Context inputs and layers past the last one that runs are left out.

    Raises:
        ModelError: the backbone has fewer layers than asked for.
    """

    def __init__(self, backbone: Instrument, controls: tuple[AdditiveInput, ...], settings: DiscriminatorSettings) -> None:
        super().__init__()
        whole = backbone.config.dit
        layers = settings.layers or max(1, 3 * whole.depth // 4)
        if layers > whole.depth:
            raise ModelError(f"the discriminator shall run {layers} layers, its backbone has {whole.depth}; lower discriminator.layers")
        self.hears = settings.hears
        self.dit = truncated(backbone.dit, whole.model_copy(update={"depth": layers, "additive": controls}))
        self.conditioner: Conditioner = backbone.conditioner
        self.head = ConvNeXtHead(whole.width, settings.head)

    def forward(self, noisy: Tensor, t: Tensor, heard: Heard, context: int) -> Tensor:
        """Scores [B, places] of `noisy` [B, C, L] at levels `t` [B], whose first `context` frames are given music."""
        groups = [heard.controls[group.name] for group in self.dit.config.additive]
        additive = torch.cat(groups, dim=1).to(noisy) if groups else None
        hidden = self.dit.features(noisy, t, heard.cross_tokens, heard.global_cond, additive=additive)
        if self.hears == "rollout":
            hidden = hidden[:, context:]
        return self.head(hidden.transpose(1, 2))


def truncated(dit: DiT, config: DiTConfig) -> DiT:
    """The first layers of a network with other additive inputs; what is not used for hidden states is frozen."""
    short = DiT(config)
    given = dit.state_dict()
    state = {key: given[key] for key in short.state_dict() if key != "to_input_add_embed.weight"}
    if short.to_input_add_embed is not None:
        state["to_input_add_embed.weight"] = _columns(dit, config.additive)
    short.load_state_dict(state)
    short.transformer.project_out.requires_grad_(False)
    short.postprocess_conv.requires_grad_(False)
    return short


def _columns(dit: DiT, wanted: tuple[AdditiveInput, ...]) -> Tensor:
    given: dict[str, Tensor] = {}
    if dit.to_input_add_embed is not None:
        parts = dit.to_input_add_embed.weight.detach().split([group.channels for group in dit.config.additive], dim=1)
        given = {group.name: part for group, part in zip(dit.config.additive, parts, strict=True)}
    fresh = dit.transformer.project_in.weight.new_zeros(dit.config.width, 0)
    columns = []
    for group in wanted:
        part = given.get(group.name)
        columns.append(part if part is not None and part.shape[1] == group.channels else fresh.new_zeros(len(fresh), group.channels))
    return torch.cat([fresh, *columns], dim=1)
