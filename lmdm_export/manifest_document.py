"""The manifest of a bundle as a JSON document, from an instrument and the files that were written for it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from lmdm_export.check import CheckedGraph, Port
from lmdm_export.graphs import InstrumentGraphs
from lmdm_export.graphs.codec import Streaming
from lmdm_train.config import InstrumentConfig
from lmdm_train.control.base import SketchControl
from lmdm_train.control.sketch import MEDIANS, sketch_controls
from lmdm_train.model.instrument import Instrument
from lmdm_train.sampling.schedule import logsnr_schedule

Json = dict[str, Any]
TOOLS = ("lmdm", "torch", "onnx", "onnxscript", "onnxsim", "numpy")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def created_with(command: str) -> Json:
    """Versions of the tools that decide a bundle's bytes, and the command that made it."""
    return {"python": platform.python_version(), **{tool: metadata.version(tool) for tool in TOOLS}, "command": command}


def model_entry(instrument: Instrument, batch: int) -> Json:
    """Sizes of the network."""
    config = instrument.config
    dit, causal = config.dit, config.pattern.kind == "block-causal"
    return {
        "pattern": config.pattern.kind,
        "context": config.layout.context,
        "block": config.layout.block,
        "window_chunks": config.pattern.window_chunks if causal else None,
        "cached_target_sees_all": causal and config.pattern.cached_target_sees_all,
        "latent_channels": dit.latent_channels,
        "width": dit.width,
        "depth": dit.depth,
        "heads": dit.heads,
        "head_width": dit.head_width,
        "rotary_inv_freq": instrument.dit.transformer.rotary_pos_emb.inv_freq.tolist(),
        "text_tokens": config.text.tokens,
        "text_width": dit.text_width,
        "batch": batch,
        "parameters": sum(parameter.numel() for parameter in instrument.parameters()),
    }


def codec_entry(instrument: Instrument, graphs: InstrumentGraphs, states: Mapping[str, str]) -> Json:
    """The codec and how each direction streams; `states` gives the file of first values by graph."""
    codec = instrument.codec

    def direction(graph: str, streaming: Streaming) -> Json:
        file = {"states": states[graph]} if graph in states else {}
        return {"streaming": {**streaming.to_json(), **file}}

    return {
        "kind": instrument.config.codec.kind,
        "sample_rate": codec.sample_rate,
        "audio_channels": codec.audio_channels,
        "frame_size": codec.frame_size,
        "encoder": direction("codec_encoder", graphs.codec.encoder_streaming),
        "decoder": direction("codec_decoder", graphs.codec.decoder_streaming),
    }


def text_entry(instrument: Instrument, tokenizer: str) -> Json | None:
    """How prompts become tokens; None where the caller supplies embeddings."""
    text = instrument.config.text
    if text.kind == "none":
        return None
    return {"kind": text.kind, "tokenizer": tokenizer, "tokens": text.tokens, "lowercase": text.kind == "small"}


def sampling_entry(instrument: Instrument) -> Json:
    """Schedule as an array, so that no runtime has to compute it."""
    sampling = instrument.config.sampling
    schedule = logsnr_schedule(sampling.steps, sampling.logsnr_start, sampling.logsnr_end)
    return {
        "solver": sampling.solver,
        "schedule": schedule.tolist(),
        "guidance": sampling.guidance,
        "guidance_scale": sampling.guidance_scale,
        "context_drop": sampling.context_drop,
        "seconds_total": instrument.config.seconds_total,
        "logsnr_start": sampling.logsnr_start,
        "logsnr_end": sampling.logsnr_end,
    }


def control_entries(config: InstrumentConfig) -> list[Json]:
    """Local controls with the additive groups that each feeds; a group that no control claims is the caller's to set."""
    entries: list[Json] = []
    for control in config.controls:
        groups = [{"name": name, "channels": channels} for name, channels in control.groups(config.dit.latent_channels)]
        if isinstance(control, SketchControl):
            axis = {"unit": control.axis.unit, "values": list(control.axis.values)}
            entries.append({"kind": control.kind, "source": "sketch", "groups": groups, "presence": 0, "axis": axis})
        else:
            ahead = control.cutoff - config.layout.context
            entries.append({"kind": control.kind, "source": "accompaniment", "groups": groups, "cutoff": control.cutoff, "t_f": ahead})
    claimed = {group["name"] for entry in entries for group in entry["groups"]}
    free = [group for group in config.dit.controls if group.name not in claimed]
    plain = [{"kind": g.name, "source": "caller", "groups": [{"name": g.name, "channels": g.channels}]} for g in free]
    return [*entries, *plain]


def sketch_entry(config: InstrumentConfig, states: Mapping[str, str]) -> Json | None:
    """How audio becomes the sketch controls; None where there are none."""
    if not sketch_controls(config):
        return None
    return {"medians": list(MEDIANS), "median": MEDIANS[0], "states": states["sketch"]}


def graph_entry(folder: Path, file: str, found: CheckedGraph) -> Json:
    """File, hash and ports of a graph in a bundle's folder, and its fused file where there is one."""

    def ports(side: tuple[Port, ...]) -> list[Json]:
        return [{"name": port.name, "shape": list(port.shape), "dtype": port.dtype} for port in side]

    entry = {"file": file, "sha256": file_sha256(folder / file), "inputs": ports(found.inputs), "outputs": ports(found.outputs)}
    fused = f"{file.removesuffix('.onnx')}.fused.onnx"
    return {**entry, "fused": {"file": fused, "sha256": file_sha256(folder / fused)}} if (folder / fused).exists() else entry


def file_entries(folder: Path) -> list[Json]:
    """Every file below a folder with its hash and size, sorted by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [{"path": p.relative_to(folder).as_posix(), "sha256": file_sha256(p), "bytes": p.stat().st_size} for p in paths]
