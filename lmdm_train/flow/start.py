"""Where a stage begins: from nothing around a trained codec, or from a checkpoint that may be changed on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError
from torch import Tensor

from lmdm_train.checkpoint import load_instrument
from lmdm_train.codec.base import Codec
from lmdm_train.codec.files import load_codec
from lmdm_train.config import AdditiveInput, CodecConfig, DiTConfig, InstrumentConfig, Pattern, SamplingConfig
from lmdm_train.control import LocalControl
from lmdm_train.control.accompaniment import FRAMES
from lmdm_train.data.encoder import codec_of_checkpoint
from lmdm_train.errors import LmdmTrainError
from lmdm_train.model.dit import DiT
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import parse_layout, preset
from lmdm_train.strict import Strict

CONTEXT_GROUPS = ("inpaint_mask", "inpaint_masked_input")


class StartSettings(Strict):
    """What the instrument is at first. What is left out stays as it is in the preset, or else in the checkpoint.

    Attributes:
        init: checkpoint whose weights training begins with; one that was published first needs `lmdm import`.
        preset: named configuration: of an instrument from nothing, or the one that the checkpoint is turned into.
        codec: codec for an instrument from nothing, alone or inside a checkpoint.
        t5: folder of the T5 encoder, for text kind t5.
        name: of the instrument.
        layout: `context/block` in frames.
        context: whether there is an input for clean context frames.
        controls: the local controls, all of them. Columns of controls that the checkpoint lacks begin at zero, so that the network
            does at first what it did.
        fresh_context: how an input for context begins that the checkpoint lacks. `projection` copies the input projection, so that
            clean frames enter as frames without noise did; `random` is what the released code does.
        fresh_accompaniment: how an accompaniment begins that the checkpoint lacks. `zero` changes nothing at first; `context` lets
            its frames enter as clean context frames do, at half their weight, so that a network that continues music at once plays
            on from what it hears.
    """

    init: Path | None = None
    preset: str | None = None
    codec: Path | None = None
    t5: Path | None = None
    name: str | None = None
    layout: str | None = None
    pattern: Pattern | None = None
    global_token: Literal["first", "last"] | None = None
    context: bool | None = None
    controls: tuple[LocalControl, ...] | None = None
    sampling: SamplingConfig | None = None
    fresh_context: Literal["projection", "random"] = "projection"
    fresh_accompaniment: Literal["zero", "context"] = "zero"

    def for_role(self, role: str) -> StartSettings:
        """Base models and warm starts see whole windows and no clean context, unless the settings say otherwise."""
        if role not in ("base", "warm-start"):
            return self
        whole: dict[str, Any] = {"pattern": self.pattern or Pattern(kind="bidirectional")}
        if self.context is None:
            whole["context"] = False
        return self.model_copy(update=whole)


def begin(start: StartSettings) -> Instrument | tuple[InstrumentConfig, Codec]:
    """The instrument of the settings' checkpoint as it shall be, or what an untrained one is built from, which still needs a tokenizer.

    Raises:
        LmdmTrainError: a file is missing, or the pieces do not fit together.
    """
    if start.init is None:
        if start.preset is None or start.codec is None:
            raise LmdmTrainError(
                "nothing says where to begin; set start.init to a checkpoint, or start.preset and start.codec to begin from nothing"
            )
        config = changed(preset(start.preset), start)
        return config, load_any_codec(start.codec, config)
    old = load_instrument(start.init, t5=start.t5)
    wanted = old.config if start.preset is None else preset(start.preset)
    wanted = wanted.model_copy(update={"dit": wanted.dit.model_copy(update={"rotary_base": old.config.dit.rotary_base})})
    instrument = adapted(old, changed(wanted, start), start)
    if start.codec is not None:
        instrument.codec.load_state_dict(load_any_codec(start.codec, instrument.config).state_dict())
    return instrument


def load_any_codec(path: Path, config: InstrumentConfig) -> Codec:
    """The codec of a codec file or of an instrument's checkpoint.

    Raises:
        LmdmTrainError: it is damaged, or not the kind of codec that `config` has.
    """
    description = path.with_suffix(".json")
    codec: Codec
    if description.is_file() and '"dit"' in description.read_text():
        codec, owner = codec_of_checkpoint(path)
        found: CodecConfig = owner.codec
    else:
        codec = spectral = load_codec(path)
        found = spectral.config
    if found != config.codec:
        raise LmdmTrainError(f"{path} was trained as {found}, {config.name} expects {config.codec}; train a codec for it: lmdm train codec")
    return codec


def changed(config: InstrumentConfig, start: StartSettings) -> InstrumentConfig:
    """The configuration with the settings' changes; a routed pattern gets its context input and its global token last.

    Raises:
        LmdmTrainError: the parts do not fit together.
    """
    pattern = start.pattern or config.pattern
    routed = pattern.kind != "bidirectional"
    controls = config.controls if start.controls is None else start.controls
    updates: dict[str, Any] = {
        "name": start.name or config.name,
        "layout": config.layout if start.layout is None else parse_layout(start.layout),
        "pattern": pattern,
        "controls": controls,
        "sampling": start.sampling or config.sampling,
    }
    dit = config.dit.model_copy(
        update={
            "additive": _groups(config.dit, start, controls, routed),
            "global_token": start.global_token or ("last" if routed else config.dit.global_token),
        }
    )
    whole = config.model_copy(update={**updates, "dit": dit})
    try:
        return InstrumentConfig.model_validate(whole.model_dump())
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise LmdmTrainError(f"the instrument {whole.name} cannot be: {message}; change the section start") from None


def _groups(dit: DiTConfig, start: StartSettings, controls: tuple[LocalControl, ...], routed: bool) -> tuple[AdditiveInput, ...]:
    has = {group.name: group for group in dit.additive}
    context = any(name in has for name in CONTEXT_GROUPS) or routed if start.context is None else start.context
    groups = []
    if context:
        groups = [AdditiveInput(name=name, channels=n) for name, n in zip(CONTEXT_GROUPS, (1, dit.latent_channels), strict=True)]
    wanted = {name: channels for control in controls for name, channels in control.groups(dit.latent_channels)}
    kept = [group for group in dit.controls if start.controls is None or group.name in wanted]
    fresh = [AdditiveInput(name=name, channels=n) for name, n in wanted.items() if name not in {group.name for group in kept}]
    return (*groups, *kept, *fresh)


def adapted(old: Instrument, config: InstrumentConfig, start: StartSettings) -> Instrument:
    """An instrument of `config` with the weights of `old`, which may have other additive inputs.

    Raises:
        LmdmTrainError: anything else has another shape.
    """
    new = Instrument(config, tokenizer=old.conditioner.tokenizer_bytes, t5=start.t5)
    state, given = new.state_dict(), old.state_dict()
    additive = "dit.to_input_add_embed.weight"
    for key in sorted((state.keys() | given.keys()) - {additive}):
        found, expected = (list(tensors[key].shape) if key in tensors else None for tensors in (given, state))
        if found != expected:
            raise LmdmTrainError(
                f"{start.init} has {key} of shape {found or 'none'}, the configuration {config.name} expects {expected or 'none'}; "
                "choose another preset or checkpoint"
            )
        state[key] = given[key]
    if additive in state:
        state[additive] = additive_columns(old.dit, new.dit, start.fresh_context, start.fresh_accompaniment)
    new.load_state_dict(state)
    return new


def additive_columns(
    old: DiT, new: DiT, fresh_context: Literal["projection", "random"], fresh_accompaniment: Literal["zero", "context"] = "zero"
) -> Tensor:
    """Weights [width, additive_channels] of a new additive input: columns that the old one has by name, fresh ones for the others."""
    fresh = _columns(new)
    given = {} if old.to_input_add_embed is None else _columns(old)
    convolution = old.preprocess_conv.weight[:, :, 0]
    projection = old.transformer.project_in.weight @ (torch.eye(len(convolution)).to(convolution) + convolution)
    made: dict[str, Tensor] = {}
    for group in new.config.additive:
        part = given.get(group.name)
        if part is not None and part.shape == fresh[group.name].shape:
            made[group.name] = part
        elif group.name == "inpaint_masked_input" and fresh_context == "projection":
            # The mask's column stays random: without it a null frame would be a zero vector, which no layer norm likes.
            made[group.name] = projection
        elif group.name in CONTEXT_GROUPS:
            made[group.name] = fresh[group.name]
        elif group.name == FRAMES and fresh_accompaniment == "context" and "inpaint_masked_input" in made:
            # Half, since the instrument's own past enters beside it.
            made[group.name] = (projection + made["inpaint_masked_input"]) / 2
        else:
            made[group.name] = torch.zeros_like(fresh[group.name])
    return torch.cat(list(made.values()), dim=1).detach()


def _columns(dit: DiT) -> dict[str, Tensor]:
    assert dit.to_input_add_embed is not None
    parts = dit.to_input_add_embed.weight.split([group.channels for group in dit.config.additive], dim=1)
    return {group.name: part for group, part in zip(dit.config.additive, parts, strict=True)}
