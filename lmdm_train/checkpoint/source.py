"""A published or trained file as named tensors, whatever wraps them, and what each prefix in it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lmdm_train.checkpoint.files import named, read_pickled, read_safetensors
from lmdm_train.checkpoint.report import ImportReport
from lmdm_train.errors import CheckpointError

PARTS = {
    "model.model.": "dit.",
    "conditioner.conditioners.seconds_total.": "conditioner.seconds_total.",
    "pretransform.model.": "codec.",
}
EMA = "diffusion_ema.ema_model.model."
TRAINING_ONLY = {
    "losses.": "loss weights of training",
    "discriminator.": "discriminator of training",
    "discriminator_head.": "discriminator of training",
    "teacher_model.": "teacher of training",
    "t_schedule": "schedule of training",
    "diffusion_ema.online_model.": "second copy of the weights beside their moving average",
    "diffusion_ema.initted": "state of the moving average",
    "diffusion_ema.step": "state of the moving average",
}
BARE_DIT = (
    "transformer.",
    "timestep_features.",
    "to_timestep_embed.",
    "to_cond_embed.",
    "to_global_embed.",
    "to_input_add_embed.",
    "preprocess_conv.",
    "postprocess_conv.",
)


@dataclass(frozen=True)
class Source:
    """Tensors of one file, and the model configuration inside it if it has one."""

    path: Path
    tensors: dict[str, Tensor]
    model_config: dict[str, Any] | None


def read_source(path: str | Path, report: ImportReport) -> Source:
    """Read .safetensors, or a torch file that is a state dict, `{"state_dict": ...}` or a Lightning checkpoint.

    Entries beside the state dict (optimiser, epoch, ...) are named in the report.

    Raises:
        CheckpointError: the file cannot be read, or there are no tensors in it.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return Source(path, read_safetensors(path), None)
    content = read_pickled(path)
    state = content.get("state_dict", content)
    model_config = content.get("model_config")
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} has a state_dict that is a {type(state).__name__}, expected a dictionary of tensors")
    if state is not content:
        for entry in content:
            if entry not in ("state_dict", "model_config"):
                report.leave_out("entry beside the state dict", str(entry))
    tensors = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    for key in state:
        if str(key) not in tensors and not (state is content and key == "model_config"):
            report.leave_out("not a tensor", str(key))
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors; expected a state dict or a Lightning checkpoint")
    return Source(path, tensors, model_config if isinstance(model_config, dict) else None)


def sort_keys(source: Source, report: ImportReport, *, ema: bool) -> dict[str, Tensor]:
    """Give every tensor its name in our checkpoints, or leave it out for a reason that the report names.

    Args:
        ema: take the moving average of the network's weights instead of the weights.

    Raises:
        CheckpointError: the moving average is asked for and absent, a key belongs to nothing known, or two keys mean the same.
    """
    if ema and not any(_plain(key).startswith(EMA) for key in source.tensors):
        raise CheckpointError(f"{source.path} has no moving average of the weights ({EMA}*); import it without --ema")
    found: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    unknown = []
    for key, tensor in source.tensors.items():
        name, reason = _place(_plain(key), ema)
        if name is None and reason is None:
            unknown.append(key)
        elif name is None:
            report.leave_out(str(reason), key)
        elif name in found:
            raise CheckpointError(f"{source.path} has both {origin[name]} and {key}, which mean the same weight; remove one")
        else:
            found[name], origin[name] = tensor, key
            report.used[key] = name
    if unknown:
        raise CheckpointError(
            f"{source.path} has {len(unknown)} keys that belong to no part of a known model: {named(unknown)}; "
            "expected Stable Audio Open Small, LMDM, or a training checkpoint of theirs"
        )
    return found


def _plain(key: str) -> str:
    # torch.compile wraps modules under this name.
    return key.replace("_orig_mod.", "")


def _place(key: str, ema: bool) -> tuple[str | None, str | None]:
    """Our name for a key, or the reason to leave it out, or neither."""
    if key.startswith(EMA):
        return ("dit." + key.removeprefix(EMA), None) if ema else (None, "moving average of the weights (take it with --ema)")
    for prefix, reason in TRAINING_ONLY.items():
        if key.startswith(prefix) or key == prefix:
            return None, reason
    inner = key.removeprefix("diffusion.")
    for prefix, ours in PARTS.items():
        if inner.startswith(prefix):
            if ema and ours == "dit.":
                return None, "weights beside their moving average"
            return ours + inner.removeprefix(prefix), None
    if inner.startswith(BARE_DIT):
        return f"dit.{inner}", None
    return None, None
