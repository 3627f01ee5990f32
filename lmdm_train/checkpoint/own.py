"""Our checkpoints: NAME.safetensors with keys `dit.*`, `conditioner.*`, `codec.*`, beside NAME.json and NAME.tokenizer.model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from lmdm_train.checkpoint.files import named, read_safetensors, refuse_non_finite, write_atomically, write_tensors
from lmdm_train.config import InstrumentConfig
from lmdm_train.errors import CheckpointError
from lmdm_train.model.instrument import Instrument

# Phases are products of these with positions, noise levels and seconds: half precision would bend them audibly, and they are tiny.
ALWAYS_FLOAT32 = ("rotary_pos_emb.inv_freq", "timestep_features.weight", "embedder.embedding.0.weights")


def checkpoint_files(path: str | Path) -> tuple[Path, Path, Path]:
    """Weights, configuration and tokenizer of the checkpoint that `path` names, with or without its suffix."""
    path = Path(path)
    stem = path.name.removesuffix(".safetensors").removesuffix(".json")
    return path.with_name(f"{stem}.safetensors"), path.with_name(f"{stem}.json"), path.with_name(f"{stem}.tokenizer.model")


def save_instrument(path: str | Path, instrument: Instrument, *, dtype: torch.dtype | None = None) -> Path:
    """Write a checkpoint and return the path of its weights.

    Args:
        dtype: type in which floating-point weights are stored, such as `torch.float16`; they are float32 again once loaded.

    Raises:
        CheckpointError: a weight is not finite, in memory or once it is stored in `dtype`.
    """
    weights, config, tokenizer = checkpoint_files(path)
    tensors = {key: _stored(key, value, dtype) for key, value in instrument.state_dict().items()}
    refuse_non_finite(weights, tensors)
    if instrument.conditioner.tokenizer_bytes is not None:
        write_atomically(tokenizer, instrument.conditioner.tokenizer_bytes)
    write_atomically(config, (instrument.config.model_dump_json(indent=2) + "\n").encode())
    write_tensors(weights, tensors, {"format": "lmdm"})
    return weights


def _stored(key: str, value: Tensor, dtype: torch.dtype | None) -> Tensor:
    if dtype is None or not value.is_floating_point() or key.endswith(ALWAYS_FLOAT32):
        return value
    return value.to(dtype)


def load_config(path: str | Path) -> InstrumentConfig:
    """The configuration beside a checkpoint.

    Raises:
        CheckpointError: it is missing, is not JSON, or does not describe an instrument.
    """
    _, file, _ = checkpoint_files(path)
    try:
        return InstrumentConfig.model_validate_json(file.read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"there is no configuration {file} beside the checkpoint; a published checkpoint needs lmdm import"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CheckpointError(f"{file} does not describe an instrument: {where}: {first['msg']}") from error


def load_instrument(path: str | Path, *, t5: Path | None = None) -> Instrument:
    """The instrument of a checkpoint, in float32 and evaluation mode.

    Args:
        path: NAME, NAME.safetensors or NAME.json.
        t5: folder of the T5 encoder for text kind t5, which is loaded when a prompt is first encoded.

    Raises:
        CheckpointError: a file is missing or damaged, or weights and configuration disagree.
    """
    weights, _, tokenizer = checkpoint_files(path)
    config = load_config(path)
    tensors = read_safetensors(weights)
    refuse_non_finite(weights, tensors)
    instrument = Instrument(config, tokenizer=tokenizer.read_bytes() if tokenizer.is_file() else None, t5=t5)
    load_tensors(instrument, tensors, weights)
    return instrument


def load_tensors(instrument: Instrument, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Fill an instrument from tensors with our keys and set it to evaluation mode; nothing may be missing or left over.

    Raises:
        CheckpointError: keys or shapes disagree with the configuration.
    """
    whole = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
    try:
        missing, unexpected = instrument.load_state_dict(whole, strict=False)
    except RuntimeError as error:
        shapes = {key: value.shape for key, value in instrument.state_dict().items()}
        wrong = [key for key, value in whole.items() if key in shapes and shapes[key] != value.shape]
        if not wrong:
            raise CheckpointError(f"{source} does not fit the configuration {instrument.config.name}: {error}") from error
        raise CheckpointError(
            f"{source} does not fit the configuration {instrument.config.name}: {wrong[0]} has shape {list(whole[wrong[0]].shape)}, "
            f"expected {list(shapes[wrong[0]])} ({len(wrong)} such); use the configuration that the weights were made with"
        ) from error
    if missing or unexpected:
        parts = [f"lacks {named(missing)}"] * bool(missing) + [f"has the unknown keys {named(unexpected)}"] * bool(unexpected)
        raise CheckpointError(
            f"{source} {' and '.join(parts)}, going by the configuration {instrument.config.name}; "
            "use the configuration that the weights were made with"
        )
    instrument.eval()
