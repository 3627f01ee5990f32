"""The manifest of a bundle as typed data. Read with `read_manifest`; its form is `manifest.schema.json`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import jsonschema

from lmdm_runtime.control_entry import ControlEntry, Group, SketchEntry, control_entry, sketch_entry
from lmdm_runtime.errors import BundleError

FORMAT_VERSION = 3
# The largest instrument that the format allows states some thousand ports, well under a megabyte, and nests 8 deep.
MOST_BYTES = 16 << 20
MOST_LEVELS = 64
Json = dict[str, Any]


@dataclass(frozen=True)
class Port:
    """One named input or output of a graph; shapes have no free axis."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class FusedEntry:
    """The same graph with ONNX Runtime's contrib operators: the same ports and weights in another file."""

    file: str
    sha256: str


@dataclass(frozen=True)
class GraphEntry:
    """One graph. `fused` is for ONNX Runtime's CPU provider; everything else plays `file`."""

    name: str
    file: str
    sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    fused: FusedEntry | None = None

    @property
    def files(self) -> tuple[GraphEntry, ...]:
        """This graph in each of its files, plain first; `fused` of each is None."""
        plain = replace(self, fused=None)
        return (plain,) if self.fused is None else (plain, replace(plain, file=self.fused.file, sha256=self.fused.sha256))

    def input(self, name: str) -> Port | None:
        return next((port for port in self.inputs if port.name == name), None)


@dataclass(frozen=True)
class FileEntry:
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Streaming:
    """How one direction of the codec runs over a stream without seams. All lengths in frames.

    `state`: the graph carries its own state, whose first values are in `states` (zeros when None).
    `context`: each run sees `left` frames before and `delay` after; with `fade`, the last frames of a run are blended into the next.
    """

    kind: Literal["state", "context"]
    left: int
    right: int
    delay: int
    fade: int
    states: str | None = None


@dataclass(frozen=True)
class ModelEntry:
    """Sizes of the network. `window_chunks` belongs to the block-causal pattern, `batch` is 2 with guidance (0 = prompt, 1 = null)."""

    pattern: Literal["encoder-decoder", "block-causal"]
    context: int
    block: int
    window_chunks: int | None
    latent_channels: int
    width: int
    depth: int
    heads: int
    head_width: int
    rotary_inv_freq: tuple[float, ...]
    text_tokens: int
    text_width: int
    batch: int
    parameters: int
    cached_target_sees_all: bool = False


@dataclass(frozen=True)
class CodecEntry:
    """`sample_rate` in hertz, `frame_size` in samples of one channel."""

    kind: str
    sample_rate: int
    audio_channels: int
    frame_size: int
    encoder: Streaming
    decoder: Streaming


@dataclass(frozen=True)
class TextEntry:
    kind: Literal["small", "t5"]
    tokenizer: str
    tokens: int
    lowercase: bool


@dataclass(frozen=True)
class SamplingEntry:
    """`schedule` falls from 1 to 0; `logsnr_*` make schedules of other lengths of the same family."""

    solver: str
    schedule: tuple[float, ...]
    guidance: Literal["none", "cfg", "cfg++"]
    guidance_scale: float
    context_drop: int
    seconds_total: float | None
    logsnr_start: float = -6.0
    logsnr_end: float = 2.0


@dataclass(frozen=True)
class Fixture:
    file: str
    tolerance: Json
    measured: Json


@dataclass(frozen=True)
class PrecisionEntry:
    """The precision of a variant's network. `parity` is its share of another seed's distance from float32, measured when it was written,
    and `budget` what was allowed. `graphs` were converted; in them the parts `islands` and the matrices `kept` are float32."""

    kind: str
    islands: tuple[str, ...]
    budget: float
    parity: float
    kept: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """Everything a runtime knows of an instrument. `precision` is None for float32. `document` is the JSON as it was read."""

    format_version: int
    name: str
    created_with: Json
    checkpoint: Json
    model: ModelEntry
    codec: CodecEntry
    text: TextEntry | None
    sampling: SamplingEntry
    controls: tuple[ControlEntry, ...]
    sketch: SketchEntry | None
    graphs: dict[str, GraphEntry]
    files: tuple[FileEntry, ...]
    fixtures: dict[str, Fixture]
    precision: PrecisionEntry | None
    document: Json

    @property
    def groups(self) -> tuple[Group, ...]:
        """Every group of every control."""
        return tuple(group for control in self.controls for group in control.groups)


@cache
def schema() -> Json:
    """The JSON Schema of the format."""
    return json.loads(files("lmdm_runtime").joinpath("manifest.schema.json").read_text(encoding="utf-8"))


@cache
def _validator() -> Any:
    """Of the schema, where 2.0 is no integer: sizes are whole numbers in every language."""

    def whole(_: object, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    base = jsonschema.Draft202012Validator
    return jsonschema.validators.extend(base, type_checker=base.TYPE_CHECKER.redefine("integer", whole))(schema())


def read_manifest(path: Path) -> Manifest:
    """Reads and checks a `manifest.json`.

    Raises:
        BundleError: unreadable, not JSON, of another format version, or not of the schema's form.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise BundleError(f"{path} has {size} bytes, expected at most {MOST_BYTES}; it is no manifest of a bundle")
        document = strict_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{path.parent} is not a bundle: it has no manifest.json; write one with lmdm export") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror or type(error).__name__}); check its permissions") from error
    except ValueError as error:
        raise BundleError(f"{path} is not valid JSON ({error}); export the bundle again with lmdm export") from error
    return parse_manifest(document, str(path))


def parse_manifest(document: Any, origin: str = "manifest.json") -> Manifest:
    """The typed form of a manifest document; `origin` names it in errors.

    Raises:
        BundleError: of another format version, or not of the schema's form.
    """
    _require_version(document, origin)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "the top level"
        raise BundleError(
            f"{origin} does not follow format {FORMAT_VERSION} at {where}: {error.message[:200]}; export it again with lmdm export"
        )
    text = document["text"]
    codec = document["codec"]
    return Manifest(
        format_version=document["format_version"],
        name=document["name"],
        created_with=document["created_with"],
        checkpoint=document["checkpoint"],
        model=ModelEntry(**{**document["model"], "rotary_inv_freq": tuple(document["model"]["rotary_inv_freq"])}),
        codec=CodecEntry(
            kind=codec["kind"],
            sample_rate=codec["sample_rate"],
            audio_channels=codec["audio_channels"],
            frame_size=codec["frame_size"],
            encoder=Streaming(**codec["encoder"]["streaming"]),
            decoder=Streaming(**codec["decoder"]["streaming"]),
        ),
        text=None if text is None else TextEntry(text["kind"], text["tokenizer"], text["tokens"], text["lowercase"]),
        sampling=_sampling(document["sampling"]),
        controls=tuple(control_entry(entry) for entry in document["controls"]),
        sketch=sketch_entry(document["sketch"]),
        graphs={name: _graph(name, entry) for name, entry in sorted(document["graphs"].items())},
        files=tuple(FileEntry(f["path"], f["sha256"], f["bytes"]) for f in document["files"]),
        fixtures={
            name: Fixture(f["file"], f.get("tolerance", {}), f.get("measured", {})) for name, f in sorted(document["fixtures"].items())
        },
        precision=_precision(document.get("precision")),
        document=document,
    )


def strict_json(text: str) -> Any:
    """JSON as every reader understands it. A ValueError says where it is not: a key twice, a number beyond float64, nested without end."""

    def refuse_constant(name: str) -> float:
        raise ValueError(f"{name} is no number of JSON")

    def finite(digits: str) -> float:
        if not math.isfinite(number := float(digits)):
            raise ValueError(f"{digits[:40]} is beyond float64")
        return number

    def with_unique_keys(pairs: list[tuple[str, Any]]) -> Json:
        found: Json = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"the key {key!r} appears twice")
            found[key] = value
        return found

    try:
        document = json.loads(text, parse_constant=refuse_constant, parse_float=finite, object_pairs_hook=with_unique_keys)
    except RecursionError:
        raise ValueError(f"nested deeper than {MOST_LEVELS} levels") from None
    _require_levels(document, MOST_LEVELS)
    # A lone surrogate is written with an escape only, and is no character that a path or a message could hold.
    json.dumps(document, ensure_ascii=False).encode()
    return document


def _require_levels(value: Any, levels: int) -> None:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if children is None:
        return
    if levels == 0:
        raise ValueError(f"nested deeper than {MOST_LEVELS} levels")
    for child in children:
        _require_levels(child, levels - 1)


def _require_version(document: Any, origin: str) -> None:
    found = document.get("format_version") if isinstance(document, dict) else None
    if not isinstance(found, int) or isinstance(found, bool):
        raise BundleError(f"{origin} states no format_version, expected {FORMAT_VERSION}; it is no manifest of a bundle")
    if found > FORMAT_VERSION:
        raise BundleError(f"{origin} has format_version {found}, this runtime reads up to {FORMAT_VERSION}; run: pip install -U lmdm")
    if found != FORMAT_VERSION:
        raise BundleError(f"{origin} has format_version {found}, expected {FORMAT_VERSION}; export the checkpoint again with lmdm export")


def _sampling(entry: Json) -> SamplingEntry:
    known = {name: entry[name] for name in SamplingEntry.__dataclass_fields__ if name in entry}
    return SamplingEntry(**{**known, "schedule": tuple(float(t) for t in entry["schedule"])})


def _precision(entry: Json | None) -> PrecisionEntry | None:
    if entry is None or entry["kind"] == "float32":
        return None
    names = {name: tuple(entry.get(name, ())) for name in ("islands", "kept", "graphs")}
    return PrecisionEntry(entry["kind"], budget=float(entry["budget"]), parity=float(entry["parity"]), **names)


def _graph(name: str, entry: Json) -> GraphEntry:
    def ports(side: str) -> tuple[Port, ...]:
        return tuple(Port(p["name"], tuple(p["shape"]), p["dtype"]) for p in entry[side])

    fused = None if "fused" not in entry else FusedEntry(entry["fused"]["file"], entry["fused"]["sha256"])
    return GraphEntry(name, entry["file"], entry["sha256"], ports("inputs"), ports("outputs"), fused)
