"""One file of weights for all graphs of a bundle; a tensor that several graphs use is stored once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import onnx
from onnx import TensorProto, numpy_helper

SMALLEST_BYTES = 1024
PAGE = 4096
LINE = 64


@dataclass
class SharedWeights:
    """Appends tensors to `file` as graphs come, in their order; equal bytes are written once.

    Shared tensors are named by their content, so the same tensor has the same name in every graph and a runtime can load it once.
    `used_bytes` counts what the graphs would need apart, `stored_bytes` what is in the file.
    """

    file: BinaryIO
    location: str
    used_bytes: int = 0
    stored_bytes: int = 0
    _offsets: dict[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Bytes used by all graphs over bytes stored; 1 where nothing is shared."""
        return self.used_bytes / max(self.stored_bytes, 1)

    def externalise(self, model: onnx.ModelProto, *, known_only: bool = False) -> None:
        """Move every initialiser of at least `SMALLEST_BYTES` from the model into the file.

        Args:
            known_only: move those alone that the file holds already, so that a second form of a graph adds nothing and counts nowhere.
        """
        renamed: dict[str, str] = {}
        kept: dict[str, TensorProto] = {}
        for tensor in model.graph.initializer:
            content = numpy_helper.to_array(tensor).tobytes()
            if len(content) < SMALLEST_BYTES:
                kept[tensor.name] = tensor
                continue
            digest = hashlib.sha256(content).hexdigest()
            if known_only and digest not in self._offsets:
                kept[tensor.name] = tensor
                continue
            shape = "x".join(map(str, tensor.dims))
            kind = TensorProto.DataType.Name(tensor.data_type).lower()
            renamed[tensor.name] = name = f"{kind}_{digest[:16]}_{shape}"
            if name not in kept:
                self.used_bytes += 0 if known_only else len(content)
                kept[name] = self._reference(tensor, name, self._store(digest, content), len(content))
        for node in model.graph.node:
            for place, name in enumerate(node.input):
                if name in renamed:
                    node.input[place] = renamed[name]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept.values())

    def _store(self, digest: str, content: bytes) -> int:
        if digest not in self._offsets:
            end = self.file.tell()
            # Large tensors start on a page, so that they can be mapped into memory as they are.
            step = PAGE if len(content) >= 16 * PAGE else LINE
            offset = -(-end // step) * step
            self.file.write(b"\0" * (offset - end) + content)
            self._offsets[digest] = offset
            self.stored_bytes += len(content)
        return self._offsets[digest]

    def _reference(self, tensor: TensorProto, name: str, offset: int, length: int) -> TensorProto:
        reference = TensorProto(name=name, dims=tensor.dims, data_type=tensor.data_type, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.location), ("offset", offset), ("length", length)):
            reference.external_data.add(key=key, value=str(value))
        return reference


def external_names(path: Path) -> set[str]:
    """Names of the tensors that a graph file takes from the shared file."""
    model = onnx.load(path, load_external_data=False)
    return {t.name for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL}
