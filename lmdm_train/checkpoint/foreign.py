"""Import of Stable Audio Open Small and LMDM checkpoints: every key is used, or named in the report, or an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmdm_train.checkpoint.files import named, refuse_non_finite
from lmdm_train.checkpoint.own import load_tensors
from lmdm_train.checkpoint.rename import ADDITIVE, FREQUENCIES, classic_weight_norm, fuse_self_attention, rotary_base
from lmdm_train.checkpoint.report import ImportReport
from lmdm_train.checkpoint.source import Source, read_source, sort_keys
from lmdm_train.checkpoint.stable_audio import instrument_config
from lmdm_train.config import InstrumentConfig
from lmdm_train.errors import CheckpointError
from lmdm_train.model.instrument import Instrument


def import_checkpoint(
    path: str | Path,
    config: InstrumentConfig | None = None,
    *,
    ema: bool = False,
    fresh_additive: bool = False,
    companion: str | Path | None = None,
    t5: Path | None = None,
) -> tuple[Instrument, ImportReport]:
    """Read a checkpoint of stable-audio-tools or of the LMDM code made from it.

    Args:
        config: the instrument to make; None takes the `model_config` inside a Lightning checkpoint.
        ema: take the moving average of the network's weights.
        fresh_additive: initialise the additive input where the file has none, to fine-tune a base model into an LMDM.
        companion: a second checkpoint that supplies codec and seconds embedder where the first has none.
        t5: folder of the T5 encoder, which is in no checkpoint.

    Raises:
        CheckpointError: the file is damaged, or does not hold exactly what the configuration needs.
    """
    report = ImportReport(str(path))
    source = read_source(path, report)
    if config is None:
        if source.model_config is None:
            raise CheckpointError(f"{path} holds no model_config; name a preset such as lmdm-ed, or pass the model's configuration file")
        config = instrument_config(source.model_config, Path(path).stem)
        report.note("the configuration is the checkpoint's own model_config")
    elif source.model_config is not None:
        compare_configs(source, config, report, turning=fresh_additive)
    tensors = arrange(source, report, ema=ema)
    if companion is not None:
        _complete(tensors, companion, report)
    require_parts(tensors, config, report)
    config = settle_rotary(tensors, config, report)
    instrument = Instrument(config, t5=t5)
    settle_additive(tensors, instrument, report, fresh=fresh_additive)
    load_tensors(instrument, tensors, source.path)
    return instrument, report


def arrange(source: Source, report: ImportReport, *, ema: bool = False) -> dict[str, Tensor]:
    """The tensors of a source under our names, fused and classically named; they may be on the meta device."""
    tensors = sort_keys(source, report, ema=ema)
    refuse_non_finite(source.path, {key: source.tensors[key] for key in report.used})
    fuse_self_attention(tensors, report)
    classic_weight_norm(tensors, report)
    half = sum(value.dtype in (torch.float16, torch.bfloat16) for value in tensors.values())
    if half:
        report.note(f"{half} tensors were stored in half precision and are float32 now")
    return tensors


def settle_rotary(tensors: dict[str, Tensor], config: InstrumentConfig, report: ImportReport) -> InstrumentConfig:
    """The checkpoint's frequencies win over the configuration's base; without them the base stands. Returns the agreed configuration."""
    if FREQUENCIES not in tensors:
        from lmdm_train.model.rotary import inverse_frequencies

        tensors[FREQUENCIES] = inverse_frequencies(config.dit.rotary_width, config.dit.rotary_base)
        report.note(f"the file has no rotary frequencies; computed from base {config.dit.rotary_base:g}")
        return config
    stored = tensors[FREQUENCIES]
    if stored.dtype in (torch.float16, torch.bfloat16):
        report.note("the rotary frequencies were stored in half precision, which bends positions far from 0; they are used as they are")
    base = rotary_base(stored.float())
    if base is None:
        report.note("the rotary frequencies follow no base; they are used as they are")
        return config
    if base != config.dit.rotary_base:
        report.note(f"rotary base {base:g} is the checkpoint's; the configuration said {config.dit.rotary_base:g}")
    return config.model_copy(update={"dit": config.dit.model_copy(update={"rotary_base": base})})


def settle_additive(tensors: dict[str, Tensor], instrument: Instrument, report: ImportReport, *, fresh: bool) -> None:
    """Check the additive input's columns, or keep the fresh ones of `instrument` if that was asked for."""
    layer = instrument.dit.to_input_add_embed
    if layer is None:
        if ADDITIVE in tensors:
            raise CheckpointError(
                f"{report.source} has an additive input of {tensors[ADDITIVE].shape[1]} columns, "
                f"the configuration {instrument.config.name} has none; choose an LMDM preset"
            )
        return
    columns = ", ".join(f"{group.name} {group.channels}" for group in instrument.config.dit.additive)
    if ADDITIVE not in tensors:
        if not fresh:
            raise CheckpointError(
                f"{report.source} has no additive input ({ADDITIVE.removeprefix('dit.')}), the configuration "
                f"{instrument.config.name} needs {columns}; to fine-tune from this base model ask for a fresh one with --fresh-additive"
            )
        tensors[ADDITIVE] = layer.weight.detach().clone()
        report.note(f"the additive input ({columns}) is freshly initialised and must be trained before it means anything")
    elif tensors[ADDITIVE].shape[1] != layer.weight.shape[1]:
        raise CheckpointError(
            f"{report.source} has an additive input of {tensors[ADDITIVE].shape[1]} columns, the configuration "
            f"{instrument.config.name} has {layer.weight.shape[1]} ({columns}); choose the preset that the weights were made with"
        )


def require_parts(tensors: dict[str, Tensor], config: InstrumentConfig, report: ImportReport) -> None:
    """Say which whole part is missing before single keys are named."""
    for prefix, what, advice in (
        ("dit.", "no network", "expected model.model.* or diffusion.model.model.*"),
        ("conditioner.seconds_total.", "no seconds embedder", "add a checkpoint that has it with --companion"),
        ("codec.", "no codec", "add a checkpoint that has it, such as Stable Audio Open Small's, with --companion"),
    ):
        if not any(key.startswith(prefix) for key in tensors):
            raise CheckpointError(f"{report.source} has {what}; {advice}")
    if config.text.kind == "small":
        raise CheckpointError(
            f"{report.source} has no text encoder of our own kind, the configuration {config.name} has text kind small; "
            "published checkpoints use text kind t5"
        )


def compare_configs(source: Source, config: InstrumentConfig, report: ImportReport, *, turning: bool = False) -> None:
    """The checkpoint's own configuration must agree with the chosen one wherever weights depend on it.

    Args:
        turning: a base model is being turned into an LMDM, so what makes the difference may differ.

    Raises:
        CheckpointError: it does not.
    """
    assert source.model_config is not None
    own = instrument_config(source.model_config, config.name)

    def decisive(whole: InstrumentConfig) -> dict[str, Any]:
        fields = {**whole.dit.model_dump(exclude={"rotary_base"}), "codec": whole.codec, "seconds": whole.seconds}
        fields["pattern"] = whole.pattern.kind
        return {name: value for name, value in fields.items() if not (turning and name in ("additive", "global_token", "pattern"))}

    trained, chosen = decisive(own), decisive(config)
    differing = [name for name, value in trained.items() if value != chosen[name]]
    if differing:
        name = differing[0]
        raise CheckpointError(
            f"{source.path} was trained with {name} {trained[name]!r}, the configuration {config.name} has {chosen[name]!r}; "
            "choose the preset that it was trained with, or none to take its own"
        )
    if own.layout != config.layout:
        report.note(f"it was trained at layout {own.layout}; the configuration says {config.layout}")


def _complete(tensors: dict[str, Tensor], companion: str | Path, report: ImportReport) -> None:
    second = ImportReport(str(companion))
    source = read_source(companion, second)
    supplied = arrange(source, second)
    for prefix in ("conditioner.seconds_total.", "codec."):
        if any(key.startswith(prefix) for key in tensors):
            continue
        taken = {key: value for key, value in supplied.items() if key.startswith(prefix)}
        if taken:
            tensors.update(taken)
            report.note(f"{prefix.removesuffix('.')} comes from {companion} ({len(taken)} tensors)")
    unused = [key for key, name in second.used.items() if name not in tensors or tensors[name] is not supplied.get(name)]
    if unused:
        report.note(f"not taken from {companion}: {named(unused)}")
    for reason, keys in second.left_out.items():
        report.note(f"left out of {companion}, {reason}: {named(keys)}")
    for note in second.notes:
        report.note(f"{companion}: {note}")
