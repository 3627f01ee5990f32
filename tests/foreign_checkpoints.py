"""Checkpoints as stable-audio-tools and the LMDM code write them, made from a small instrument by renaming and wrapping."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lmdm_train.config import InstrumentConfig, OobleckConfig, TextConfig
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset
from tests.small_instruments import small_instrument

PREFIXES = {
    "dit.": "model.model.",
    "conditioner.seconds_total.": "conditioner.conditioners.seconds_total.",
    "codec.": "pretransform.model.",
}


def foreign_config(name: str = "tiny", **dit: Any) -> InstrumentConfig:
    """A tiny preset as a published model would have it: T5 instead of our own text encoder."""
    config = preset(name)
    text = TextConfig(kind="t5", tokens=8, width=config.dit.text_width)
    # Published networks have one feed-forward multiple and one count of time features.
    changed = config.dit.model_copy(update={"ff_mult": 4, "time_features": 256, "rotary_base": 1e6, **dit})
    return config.model_copy(update={"text": text, "dit": changed})


def base_config() -> InstrumentConfig:
    """The bidirectional base model: global token first, no additive input, base 1e4."""
    return foreign_config(additive=(), global_token="first", rotary_base=1e4)


def foreign_instrument(config: InstrumentConfig | None = None, seed: int = 0) -> Instrument:
    return small_instrument(config or foreign_config(), seed)


def unwrapped(instrument: Instrument) -> dict[str, Tensor]:
    """The state dict with the names of a published file."""
    renamed = {}
    for key, value in instrument.state_dict().items():
        ours = next(prefix for prefix in PREFIXES if key.startswith(prefix))
        renamed[PREFIXES[ours] + key.removeprefix(ours)] = value.clone()
    return renamed


def split_self_attention(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Self-attention as the adversarial stage stores it: queries apart from keys and values."""
    result = {}
    for key, value in state.items():
        if key.endswith("self_attn.to_qkv.weight"):
            stem, width = key.removesuffix("to_qkv.weight"), value.shape[1]
            result[f"{stem}to_q.weight"], result[f"{stem}to_kv.weight"] = value[:width].clone(), value[width:].clone()
        else:
            result[key] = value
    return result


def lightning(state: dict[str, Tensor], **entries: Any) -> dict[str, Any]:
    """A training checkpoint around an unwrapped state dict, with what training leaves in it."""
    wrapped = {f"diffusion.{key}": value for key, value in state.items()}
    wrapped |= {f"discriminator.{key}": value for key, value in state.items() if key.startswith("model.")}
    wrapped |= {
        "losses.losses.0.weight": torch.ones(()),
        "discriminator_head.encoder.0.weight_g": torch.ones(2, 1, 1),
        "teacher_model.model.model.project_in.weight": torch.ones(2, 2),
        "t_schedule": torch.linspace(1, 0, 7),
    }
    return {"state_dict": wrapped, "epoch": 3, "global_step": 1000, "optimizer_states": [{"step": 1}], **entries}


def moving_average(state: dict[str, Tensor], shift: float) -> dict[str, Tensor]:
    """Entries of a moving average whose weights are those of `state` plus `shift`."""
    network = {key.removeprefix("model.model."): value for key, value in state.items() if key.startswith("model.model.")}
    average = {f"diffusion_ema.ema_model.model.{key}": value + shift * (value.ndim > 1) for key, value in network.items()}
    return {**average, "diffusion_ema.initted": torch.tensor(True), "diffusion_ema.step": torch.tensor(7)}


def model_config(config: InstrumentConfig) -> dict[str, Any]:
    """The stable-audio-tools configuration of an instrument."""
    dit, codec = config.dit, config.codec
    assert isinstance(codec, OobleckConfig)
    shared = {"channels": codec.base_channels, "c_mults": list(codec.channel_mults), "strides": list(codec.strides), "use_snake": True}
    network = {
        "io_channels": dit.latent_channels,
        "embed_dim": dit.width,
        "depth": dit.depth,
        "num_heads": dit.heads,
        "cond_token_dim": dit.text_width,
        "global_cond_dim": dit.global_width,
        "transformer_type": "continuous_transformer",
        "attn_kwargs": {"qk_norm": "ln"},
    }
    if dit.additive:
        network |= {"input_add_dims": [[group.name, group.channels] for group in dit.additive], "postpend": True}
    training: dict[str, Any] = {}
    if config.pattern.kind != "bidirectional":
        pattern = {"encoder-decoder": "enc-dec"}.get(config.pattern.kind, config.pattern.kind)
        mask = {"fixed_mask_size": config.layout.context, "context_router_attention_pattern": pattern}
        if pattern == "block-causal":
            mask |= {"block_causal_chunk_size": config.layout.block, "block_causal_window_chunks": config.pattern.window_chunks}
        training = {"context_router": True, "inpainting": {"mask_kwargs": mask}}
    return {
        "model_type": "diffusion_cond",
        "sample_size": config.layout.window * codec.frame_size,
        "sample_rate": codec.sample_rate,
        "model": {
            "pretransform": {
                "type": "autoencoder",
                "config": {
                    "encoder": {
                        "type": "oobleck",
                        "config": {"in_channels": codec.audio_channels, "latent_dim": 2 * codec.latent_channels, **shared},
                    },
                    "decoder": {
                        "type": "oobleck",
                        "config": {
                            "out_channels": codec.audio_channels,
                            "latent_dim": codec.latent_channels,
                            "final_tanh": False,
                            **shared,
                        },
                    },
                },
            },
            "conditioning": {
                "configs": [
                    {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": config.text.tokens}},
                    {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": 256}},
                ],
                "cond_dim": dit.text_width,
            },
            "diffusion": {"type": "dit", "diffusion_objective": "rectified_flow", "config": network},
        },
        "training": training,
    }
