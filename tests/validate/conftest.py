"""Checkpoints of small random instruments with their bundles, each written once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lmdm_export.manifest_document import file_sha256
from tests.bundles import Made, small_bundle


@dataclass(frozen=True)
class Exported(Made):
    """It can be damaged."""

    def damaged(self, folder: Path, damage: Callable[[np.ndarray], np.ndarray], graph: str) -> Path:
        """A copy whose weights that `graph` alone uses are changed, with hashes that say that nothing happened."""
        import onnx

        copy = shutil.copytree(self.bundle, folder / "damaged")
        weights = copy / "graphs" / "weights.bin"
        held = {path.stem: _matrices(onnx.load(path, load_external_data=False)) for path in (copy / "graphs").glob("*.onnx")}
        others = {place for name, places in held.items() if name.removesuffix(".fused") != graph for place in places}
        content = bytearray(weights.read_bytes())
        for offset, length in held[graph] - others:
            values = np.frombuffer(content, np.float32, length // 4, offset)
            content[offset : offset + length] = damage(values).astype(np.float32).tobytes()
        weights.write_bytes(content)
        manifest = json.loads((copy / "manifest.json").read_text())
        for entry in manifest["files"]:
            if entry["path"] == "graphs/weights.bin":
                entry["sha256"] = file_sha256(weights)
        (copy / "manifest.json").write_text(json.dumps(manifest))
        return copy


def _matrices(model) -> set[tuple[int, int]]:  # type: ignore[no-untyped-def]
    """Offset and length of every float32 matrix outside of the model."""
    places = set()
    for tensor in model.graph.initializer:
        entry = {item.key: item.value for item in tensor.external_data}
        if "offset" in entry and tensor.data_type == 1 and len(tensor.dims) > 1:
            places.add((int(entry["offset"]), int(entry["length"])))
    return places


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Exported]:
    def get(name: str, **settings: object) -> Exported:
        made = small_bundle(tmp_path_factory, name, **settings)
        return Exported(made.checkpoint, made.bundle)

    return get
