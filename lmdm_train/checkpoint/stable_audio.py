"""Configurations of stable-audio-tools and of the LMDM code made from it, read as ours."""

from __future__ import annotations

from typing import Any

from lmdm_train.config import (
    AdditiveInput,
    DiTConfig,
    InstrumentConfig,
    Layout,
    OobleckConfig,
    Pattern,
    SamplingConfig,
    SecondsConfig,
    TextConfig,
)
from lmdm_train.errors import CheckpointError

PATTERNS = {"enc-dec": "encoder-decoder", "block-causal": "block-causal"}

# Fields that we read, and fields whose only supported value is the one given here (facts of the public configurations).
READ = {
    "io_channels",
    "embed_dim",
    "depth",
    "num_heads",
    "cond_token_dim",
    "global_cond_dim",
    "timestep_features_dim",
    "input_add_dims",
    "postpend",
    "split_qkv",
}
FIXED: dict[str, tuple[Any, ...]] = {
    "transformer_type": ("continuous_transformer",),
    "attn_kwargs": ({"qk_norm": "ln"},),
    "patch_size": (1,),
    "project_cond_tokens": (True,),
    "project_global_cond": (True,),
    "global_cond_type": ("prepend",),
    "timestep_cond_type": ("global",),
    "timestep_embed_dim": (None,),
    "input_concat_dim": (0,),
    "prepend_cond_dim": (0,),
    "num_memory_tokens": (0,),
    "causal": (False,),
    "conformer": (False,),
    "diffusion_objective": ("rectified_flow", "rf_denoiser"),
}


def dit_config(fields: dict[str, Any]) -> DiTConfig:
    """The network that stable-audio-tools' `DiffusionTransformer` arguments describe.

    The rotary base is the default of the code that takes them (LMDM's 1e6, or 1e4); a checkpoint's own frequencies replace it.

    Raises:
        CheckpointError: a field asks for something that this network does not have.
    """
    for field, value in fields.items():
        if field not in READ and value not in FIXED.get(field, ()):
            supported = " or ".join(str(v) for v in FIXED[field]) if field in FIXED else "no such field"
            raise CheckpointError(f"the model configuration has {field}={value!r}, this network supports: {supported}")
    missing = sorted({"io_channels", "embed_dim", "depth", "num_heads", "cond_token_dim", "global_cond_dim"} - set(fields))
    if missing:
        raise CheckpointError(f"the model configuration lacks {', '.join(missing)}; expected the `model.diffusion.config` of a DiT")
    fork = any(field in fields for field in ("input_add_dims", "postpend", "split_qkv"))
    return DiTConfig(
        latent_channels=fields["io_channels"],
        width=fields["embed_dim"],
        depth=fields["depth"],
        heads=fields["num_heads"],
        text_width=fields["cond_token_dim"],
        global_width=fields["global_cond_dim"],
        time_features=fields.get("timestep_features_dim", 256),
        rotary_base=1e6 if fork else 1e4,
        additive=tuple(AdditiveInput(name=name, channels=channels) for name, channels in fields.get("input_add_dims", ())),
        global_token="last" if fields.get("postpend", False) else "first",
    )


def oobleck_config(encoder: dict[str, Any], decoder: dict[str, Any], *, sample_rate: int = 44_100) -> OobleckConfig:
    """The codec that stable-audio-tools' Oobleck encoder and decoder arguments describe.

    Raises:
        CheckpointError: encoder and decoder differ, or ask for something that this codec does not have.
    """
    shared = ("channels", "c_mults", "strides")
    for field in shared:
        if list_of(encoder[field]) != list_of(decoder[field]):
            raise CheckpointError(f"the codec's encoder has {field}={encoder[field]} and its decoder {decoder[field]}; expected the same")
    if decoder.get("final_tanh", True) or not (encoder.get("use_snake", False) and decoder.get("use_snake", False)):
        raise CheckpointError("the codec's configuration has final_tanh, or lacks use_snake; expected the Oobleck of Stable Audio")
    if encoder["latent_dim"] != 2 * decoder["latent_dim"]:
        raise CheckpointError(f"the codec's encoder gives {encoder['latent_dim']} channels, expected twice {decoder['latent_dim']}")
    return OobleckConfig(
        sample_rate=sample_rate,
        audio_channels=encoder["in_channels"],
        base_channels=encoder["channels"],
        channel_mults=tuple(encoder["c_mults"]),
        strides=tuple(encoder["strides"]),
        latent_channels=decoder["latent_dim"],
    )


def list_of(value: Any) -> list[Any]:
    """A sequence as a list, anything else as its only entry."""
    return list(value) if isinstance(value, list | tuple) else [value]


def instrument_config(model_config: dict[str, Any], name: str) -> InstrumentConfig:
    """The instrument that a whole `model_config` describes (a JSON file, or the entry of that name in a Lightning checkpoint).

    The pattern and the layout come from `training.inpainting`; without it the model is a bidirectional base model.

    Raises:
        CheckpointError: an entry is missing or not supported.
    """
    try:
        model, training = model_config["model"], model_config.get("training", {})
        dit = dit_config(model["diffusion"]["config"])
        autoencoder = model["pretransform"]["config"]
        rate = model_config["sample_rate"]
        codec = oobleck_config(autoencoder["encoder"]["config"], autoencoder["decoder"]["config"], sample_rate=rate)
        window = model_config["sample_size"] // codec.frame_size
        conditioners = {entry["id"]: entry["config"] for entry in model["conditioning"]["configs"]}
        seconds, prompt = conditioners["seconds_total"], conditioners["prompt"]
        layout, pattern = _layout(training, window)
        few_steps = model["diffusion"].get("diffusion_objective") == "rf_denoiser"
        return InstrumentConfig(
            name=name,
            dit=dit,
            layout=layout,
            pattern=pattern,
            codec=codec,
            text=TextConfig(kind="t5", tokens=prompt.get("max_length", 128), width=model["conditioning"]["cond_dim"]),
            seconds=SecondsConfig(minimum=seconds.get("min_val", 0), maximum=seconds.get("max_val", 1)),
            sampling=SamplingConfig(solver="ping-pong", steps=8, guidance="none", guidance_scale=1.0)
            if few_steps
            else SamplingConfig(solver="euler", steps=50, guidance="cfg", guidance_scale=7.0),
        )
    except KeyError as error:
        raise CheckpointError(
            f"the model configuration has no entry {error}; expected one of stable-audio-tools, type diffusion_cond"
        ) from error
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the model configuration does not describe an instrument: {str(error).splitlines()[0]}") from error


def _layout(training: dict[str, Any], window: int) -> tuple[Layout, Pattern]:
    inpainting = training.get("inpainting")
    if not inpainting:
        block = max(1, window // 5)
        return Layout(context=window - block, block=block), Pattern(kind="bidirectional")
    mask = inpainting["mask_kwargs"]
    name = mask.get("context_router_attention_pattern", "enc-dec")
    if name not in PATTERNS:
        raise CheckpointError(f"the model configuration has the attention pattern {name!r}, expected one of {', '.join(PATTERNS)}")
    kind = PATTERNS[name] if training.get("context_router", False) else "bidirectional"
    layout = Layout(context=mask["fixed_mask_size"], block=window - mask["fixed_mask_size"])
    return layout, Pattern(kind=kind, window_chunks=mask.get("block_causal_window_chunks", 4))  # type: ignore[arg-type]
