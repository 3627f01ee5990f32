"""The diffusion transformer: one masked full forward, and the same function split into context encoder and cached decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lmdm_train.config import DiTConfig
from lmdm_train.errors import ModelError
from lmdm_train.model.attention import LayerKV, rotate_kv
from lmdm_train.model.blocks import TransformerLayer
from lmdm_train.model.rotary import Rotary


class Conditioning(NamedTuple):
    """What text and seconds contribute, constant over steps and blocks.

    `cross`: one entry for each layer, [B, heads, text_tokens + 1, head_width]. `global_embed`: [B, width].
    """

    cross: tuple[LayerKV, ...]
    global_embed: Tensor


class TimeFeatures(nn.Module):
    """Random Fourier features of the noise level, cosines first."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features // 2, 1))

    def forward(self, t: Tensor) -> Tensor:
        angles = 2 * math.pi * t[:, None] @ self.weight.T
        return torch.cat((angles.cos(), angles.sin()), dim=-1)


class Transformer(nn.Module):
    """Projections, rotary frequencies and layers, grouped as Stable Audio's state dict groups them."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.project_in = nn.Linear(config.latent_channels, config.width, bias=False)
        self.project_out = nn.Linear(config.width, config.latent_channels, bias=False)
        self.rotary_pos_emb = Rotary(config.rotary_width, config.rotary_base)
        self.layers = nn.ModuleList(TransformerLayer(config.width, config.heads, config.ff_mult) for _ in range(config.depth))


def _silu_mlp(inside: int, width: int, *, bias: bool) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inside, width, bias=bias), nn.SiLU(), nn.Linear(width, width, bias=bias))


class DiT(nn.Module):
    """Velocity network of Stable Audio Open Small with LMDM's additive clean input (paper §4.1, equation 4).

    Frames have rotary positions 1..window, the global token (seconds and noise level) has position 0. State-dict keys are
    those of Stable Audio.
    """

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        if config.rotary_width > config.head_width:
            raise ModelError(f"heads are {config.head_width} wide, rotary embedding needs {config.rotary_width}; use fewer heads")
        self.config = config
        channels, width = config.latent_channels, config.width
        self.timestep_features = TimeFeatures(config.time_features)
        self.to_timestep_embed = _silu_mlp(config.time_features, width, bias=True)
        self.to_cond_embed = _silu_mlp(config.text_width, width, bias=False)
        self.to_global_embed = _silu_mlp(config.global_width, width, bias=False)
        self.preprocess_conv = nn.Conv1d(channels, channels, 1, bias=False)
        self.postprocess_conv = nn.Conv1d(channels, channels, 1, bias=False)
        nn.init.zeros_(self.preprocess_conv.weight)
        nn.init.zeros_(self.postprocess_conv.weight)
        self.to_input_add_embed = nn.Linear(config.additive_channels, width, bias=False) if config.additive else None
        self.transformer = Transformer(config)

    @property
    def layers(self) -> Sequence[TransformerLayer]:
        return list(self.transformer.layers)  # type: ignore[arg-type]

    def condition(self, cross_tokens: Tensor, global_cond: Tensor) -> Conditioning:
        """Text and seconds tokens [B, T, text_width] and the global condition [B, global_width] -> their share of the network."""
        embedded = self.to_cond_embed(cross_tokens)
        return Conditioning(tuple(layer.cross_attn.key_value(embedded) for layer in self.layers), self.to_global_embed(global_cond))

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        cross_tokens: Tensor,
        global_cond: Tensor,
        *,
        additive: Tensor | None = None,
        router: Tensor | None = None,
        allowed: Tensor | None = None,
        positions: Tensor | None = None,
        collect: list[Tensor] | None = None,
    ) -> Tensor:
        """Velocity [B, channels, L] of the noisy window `x` [B, channels, L] at noise levels `t` [B] (masked full forward, Algorithm 1).

        Args:
            additive: clean context and controls, [B, additive_channels, L], on context and block alike.
            router: [B or 1, 1, L], 0 where the noisy branch must vanish.
            allowed: bool [L + 1, L + 1] in token order, True where a query may see a key; None lets everyone see everyone.
            positions: int64 [L + 1] in token order; by default 1..L for frames and 0 for the global token.
            collect: receives the hidden state [B, L + 1, width] after each layer.
        """
        hidden = self.features(
            x, t, cross_tokens, global_cond, additive=additive, router=router, allowed=allowed, positions=positions, collect=collect
        )
        return self._project_out(hidden)

    def features(
        self,
        x: Tensor,
        t: Tensor,
        cross_tokens: Tensor,
        global_cond: Tensor,
        *,
        additive: Tensor | None = None,
        router: Tensor | None = None,
        allowed: Tensor | None = None,
        positions: Tensor | None = None,
        collect: list[Tensor] | None = None,
    ) -> Tensor:
        """The frames' hidden state after the last layer, [B, L, width], of the same forward."""
        conditioning = self.condition(cross_tokens, global_cond)
        hidden = self._embed(x, additive, router)
        first = self.config.global_token == "first"
        token = self._global_token(t, conditioning)
        hidden = torch.cat((token, hidden) if first else (hidden, token), dim=1)
        if positions is None:
            frames = torch.arange(1, x.shape[-1] + 1, device=x.device)
            positions = torch.cat((frames.new_zeros(1), frames) if first else (frames, frames.new_zeros(1)))
        angles = self.transformer.rotary_pos_emb(positions)
        for layer, cross in zip(self.layers, conditioning.cross, strict=True):
            hidden, _ = layer(hidden, angles, cross, allowed=allowed)
            if collect is not None:
                collect.append(hidden)
        return hidden[:, 1:] if first else hidden[:, :-1]

    def encode_context(
        self,
        additive: Tensor,
        conditioning: Conditioning,
        positions: Tensor,
        *,
        past: Sequence[LayerKV] | None = None,
        past_positions: Tensor | None = None,
        past_valid: Tensor | None = None,
        collect: list[Tensor] | None = None,
    ) -> tuple[LayerKV, ...]:
        """Raw keys and values of `n` clean frames that see each other and `past` (the paper's v^KV, Algorithms 2 and 3).

        Clean frames take no noise level and see no global token, so one run serves every denoising step.

        Args:
            additive: [B, additive_channels, n].
            positions: int64 [n], places of these frames in the window.
            past: raw (unrotated) keys and values of the frames right before, one entry for each layer.
            past_positions: int64, one for each past frame.
            past_valid: int64 scalar; only so many of the newest past frames are seen.
            collect: receives the hidden state [B, n, width] after each layer.
        """
        if self.to_input_add_embed is None:
            raise ModelError("this network has no additive input and cannot encode a clean context; configure inpaint_masked_input")
        hidden = self.to_input_add_embed(additive.transpose(1, 2))
        angles = self.transformer.rotary_pos_emb(positions)
        allowed = None
        rotated_past: Sequence[LayerKV | None] = [None] * self.config.depth
        if past is not None:
            if past_positions is None:
                raise ModelError("past frames were given without past_positions")
            rotated_past = self.rotate(past, past_positions)
            if past_valid is not None:
                age = torch.arange(past_positions.shape[0] + positions.shape[0], 0, -1, device=positions.device)
                allowed = (age <= past_valid + positions.shape[0])[None, None, None, :]
        raw = []
        for index, (layer, cross) in enumerate(zip(self.layers, conditioning.cross, strict=True)):
            if collect is None and index == self.config.depth - 1:
                # Nothing reads the last hidden state of the context, only its keys and values.
                raw.append(layer.self_attn.key_value(layer.pre_norm(hidden)))
                break
            hidden, kv = layer(hidden, angles, cross, past=rotated_past[index], allowed=allowed)
            raw.append(kv)
            if collect is not None:
                collect.append(hidden)
        return tuple(raw)

    def rotate(self, raw: Sequence[LayerKV], positions: Tensor) -> tuple[LayerKV, ...]:
        """Raw keys placed at `positions` int64 [n]; values pass."""
        angles = self.transformer.rotary_pos_emb(positions)
        return tuple(rotate_kv(kv, angles) for kv in raw)

    def decode_block(
        self,
        x: Tensor,
        t: Tensor,
        conditioning: Conditioning,
        self_kv: Sequence[LayerKV],
        *,
        additive: Tensor | None = None,
        positions: Tensor,
        collect: list[Tensor] | None = None,
    ) -> Tensor:
        """Velocity [B, channels, o] of one noisy block given the rotated keys and values of its context (Algorithms 2 and 3).

        Args:
            additive: [B, additive_channels, o]; needed only where controls reach the block, since mask and latents are 0 there.
            positions: int64 [o], places of the block's frames in the window.
            collect: receives the hidden state [B, o + 1, width] after each layer, global token last.
        """
        hidden = torch.cat((self._embed(x, additive, None), self._global_token(t, conditioning)), dim=1)
        angles = self.transformer.rotary_pos_emb(torch.cat((positions, positions.new_zeros(1))))
        for layer, cross, past in zip(self.layers, conditioning.cross, self_kv, strict=True):
            hidden, _ = layer(hidden, angles, cross, past=past)
            if collect is not None:
                collect.append(hidden)
        return self._project_out(hidden[:, :-1])

    def _embed(self, x: Tensor, additive: Tensor | None, router: Tensor | None) -> Tensor:
        x = x + self.preprocess_conv(x)
        if router is not None:
            x = x * router
        hidden = self.transformer.project_in(x.transpose(1, 2))
        if router is not None:
            hidden = hidden * router.transpose(1, 2)
        if additive is not None and self.to_input_add_embed is not None:
            hidden = hidden + self.to_input_add_embed(additive.transpose(1, 2))
        return hidden

    def _global_token(self, t: Tensor, conditioning: Conditioning) -> Tensor:
        return (conditioning.global_embed + self.to_timestep_embed(self.timestep_features(t)))[:, None]

    def _project_out(self, hidden: Tensor) -> Tensor:
        velocity = self.transformer.project_out(hidden).transpose(1, 2)
        return velocity + self.postprocess_conv(velocity)
