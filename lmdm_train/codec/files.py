"""A codec on its own: `NAME.safetensors` with its configuration in `NAME.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.errors import LmdmTrainError


def save_codec(path: Path, codec: SpectralCodec) -> None:
    """Write weights and configuration, each atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({key: value.contiguous() for key, value in codec.state_dict().items()}, part)
    os.replace(part, path)
    part.write_text(codec.config.model_dump_json(indent=1))
    os.replace(part, path.with_suffix(".json"))


def load_codec(path: Path) -> SpectralCodec:
    """Read a codec written by `save_codec`, in evaluation mode; raises LmdmTrainError when a file is missing, corrupt or misfits."""
    try:
        config = SpectralConfig.model_validate(json.loads(path.with_suffix(".json").read_text()))
        codec = SpectralCodec(config)
        codec.load_state_dict(load_file(path))
    except (OSError, ValueError, ValidationError, SafetensorError, RuntimeError) as failure:
        raise LmdmTrainError(f"{path} is not a readable codec ({str(failure).splitlines()[0]}); make one with: lmdm train codec") from None
    return codec.eval()
