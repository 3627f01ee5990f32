"""Small ONNX graphs with the ports of a bundle, written so that numpy gives the same answers in a line (see tiny_model.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


@dataclass
class Weights:
    """One file of weights for all graphs; an array that is asked for twice by one name is stored once."""

    data: bytearray = field(default_factory=bytearray)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def place(self, name: str, array: np.ndarray) -> tuple[int, int]:
        if name not in self.places:
            self.data.extend(b"\0" * (-len(self.data) % 64))
            self.places[name] = (len(self.data), array.nbytes)
            self.data.extend(array.tobytes())
        return self.places[name]


class GraphWriter:
    """Collects nodes; each call of `op` returns the name of its output."""

    def __init__(self, name: str, inputs: dict[str, tuple[tuple[int, ...], str]], weights: Weights) -> None:
        self.name, self.inputs, self.weights = name, inputs, weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.outputs: dict[str, tuple[tuple[int, ...], str]] = {}

    def weight(self, name: str, array: np.ndarray) -> str:
        array = np.ascontiguousarray(array, dtype=np.float32)
        if name not in {tensor.name for tensor in self.initializers}:
            offset, length = self.weights.place(name, array)
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape, data_location=TensorProto.EXTERNAL)
            for key, value in (("location", "weights.bin"), ("offset", offset), ("length", length)):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
            self.initializers.append(tensor)
        return name

    def constant(self, values: object, dtype: type = np.int64) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(onnx.numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, out: str | None = None, **attributes: object) -> str:
        out = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def output(self, name: str, source: str, shape: tuple[int, ...], dtype: str = "float32") -> None:
        self.op("Identity", source, out=name)
        self.outputs[name] = (shape, dtype)

    def write(self, folder: Path) -> dict:
        """Writes the graph; its manifest entry, without the hash."""

        def ports(side: dict) -> list[dict]:
            return [{"name": name, "shape": list(shape), "dtype": dtype} for name, (shape, dtype) in side.items()]

        def infos(side: dict) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(name, TYPES[dtype], shape) for name, (shape, dtype) in side.items()]

        graph = helper.make_graph(self.nodes, self.name, infos(self.inputs), infos(self.outputs), self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        (folder / "graphs").mkdir(parents=True, exist_ok=True)
        (folder / "graphs" / f"{self.name}.onnx").write_bytes(model.SerializeToString())
        return {"file": f"graphs/{self.name}.onnx", "inputs": ports(self.inputs), "outputs": ports(self.outputs)}
