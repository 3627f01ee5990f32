"""A bundle written again in another precision: the same ports, the same fixtures, other graphs and weights."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
from onnx import ModelProto

from lmdm_export.errors import ExportError
from lmdm_export.manifest_document import file_entries, file_sha256
from lmdm_export.onnx_writer import anonymous
from lmdm_export.precision.emulation import emulated
from lmdm_export.precision.kinds import Kind
from lmdm_export.precision.matrices import matrices
from lmdm_export.precision.network import load_graph, network_graphs, without_leftovers
from lmdm_export.precision.quantise import Feed
from lmdm_export.shared_weights import SharedWeights
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.manifest import parse_manifest

WEIGHTS = "weights.bin"
Json = dict[str, Any]
Convert = Callable[[ModelProto], ModelProto]


@dataclass(frozen=True)
class Variant:
    """The files of a variant, all but its manifest, in `folder`. `kept` names matrices that stay float32."""

    folder: Path
    kind: Kind
    kept: tuple[str, ...]
    document: Json

    @property
    def bundle(self) -> Bundle:
        """To play before its parity is known, and so before it has a manifest on disk."""
        return Bundle(self.folder, parse_manifest(self.document))

    @property
    def bytes(self) -> int:
        """Of graphs and weights."""
        return sum(path.stat().st_size for path in (self.folder / "graphs").iterdir())

    def seal(self, budget: float, parity: float, command: str) -> Bundle:
        """Write the manifest with what was measured."""
        document = copy.deepcopy(self.document)
        document["created_with"] |= {"onnxruntime": ort.__version__, "command": command}
        document["precision"] = {
            "kind": self.kind.name,
            "islands": list(self.kind.islands),
            "kept": list(self.kept),
            "graphs": list(network_graphs(self.bundle)),
            "budget": budget,
            "parity": parity,
        }
        document["files"] = file_entries(self.folder)
        made = parse_manifest(document)
        (self.folder / "manifest.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return Bundle(self.folder, made)


def write_variant(
    bundle: Bundle, folder: Path, kind: Kind, keep: Collection[str] = (), feeds: Mapping[str, Sequence[Feed]] | None = None
) -> Variant:
    """Write a float32 bundle in another precision into an empty folder, without manifest.

    Raises:
        ExportError: `keep` names a matrix that the network does not have, or a weight does not fit.
    """
    _require_known(bundle, keep)
    document = rewritten(bundle, folder, lambda model: kind.convert(model, keep, (feeds or {}).get(model.graph.name, ())))
    return Variant(folder, kind, tuple(sorted(keep)), document)


def emulation(bundle: Bundle, folder: Path) -> Bundle:
    """A bundle in bfloat16 as ONNX Runtime's CPU provider can play it: rounded where bfloat16 rounds, computed in float32."""
    return Bundle(folder, parse_manifest(rewritten(bundle, folder, emulated)))


def rewritten(bundle: Bundle, folder: Path, convert: Convert) -> Json:
    """Write the files of a bundle with its network converted; the manifest's document, which is left to the caller to write.

    One graph is in memory at a time. Weights that graphs share are stored once, as `convert` gives equal weights equal bytes.
    """
    document = copy.deepcopy(bundle.manifest.document)
    document.pop("precision", None)
    for entry in bundle.manifest.files:
        if not entry.path.startswith("graphs/"):
            (folder / entry.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle.path(entry.path), folder / entry.path)
    (folder / "graphs").mkdir()
    network = network_graphs(bundle)
    with (folder / "graphs" / WEIGHTS).open("wb") as file:
        weights = SharedWeights(file, WEIGHTS)
        for graph, entry in document["graphs"].items():
            model = load_graph(bundle, graph)
            if graph in network:
                model = anonymous(without_leftovers(convert(model)), graph)
            weights.externalise(model)
            path = folder / "graphs" / f"{graph}.onnx"
            path.write_bytes(model.SerializeToString(deterministic=True))
            onnx.checker.check_model(str(path))
            entry |= {"file": f"graphs/{graph}.onnx", "sha256": file_sha256(path)}
            entry.pop("fused", None)
    document["files"] = file_entries(folder)
    return document


def matrix_names(bundle: Bundle) -> list[str]:
    """Names of all matrices of a bundle's network; those of the decoder first, whose every step they are part of."""
    graphs = reversed(network_graphs(bundle))
    return list(dict.fromkeys(matrix.name for graph in graphs for matrix in matrices(load_graph(bundle, graph))))


def _require_known(bundle: Bundle, keep: Collection[str]) -> None:
    known = matrix_names(bundle) if keep else []
    strange = [name for name in keep if name not in known]
    if strange:
        raise ExportError(
            f"{strange[0]!r} names no matrix of {bundle.manifest.name}, whose matrices are {', '.join(known[:3])}, … ({len(known)}); "
            "run lmdm bisect to see them"
        )
