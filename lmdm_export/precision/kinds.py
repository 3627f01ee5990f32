"""The precisions that a bundle can be written in: what each keeps float32, and what plays it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from onnx import ModelProto, TensorProto

from lmdm_export.errors import ExportError
from lmdm_export.precision.half import in_half
from lmdm_export.precision.islands import island_nodes
from lmdm_export.precision.matrices import matrices
from lmdm_export.precision.names import FLOAT32, NAMES, SILENT
from lmdm_export.precision.quantise import Feed, blocks, dynamic, static

SENSITIVE = ("norms", "softmax", "rotary", "time features")
"""What 16 bits would hurt: sums over many values, and phases."""
UNQUANTISED = (*SENSITIVE, "attention", "convolutions", "embeddings")
"""Quantisation touches constant matrices and nothing else."""


@dataclass(frozen=True)
class Kind:
    """One precision. `islands` stay float32.

    `calibrated`: it needs to see what the network's inputs are in use.
    """

    name: str
    what: str
    islands: tuple[str, ...]
    calibrated: bool = False

    @property
    def plays(self) -> bool:
        """Whether ONNX Runtime's CPU provider has kernels for it."""
        return self.name not in SILENT

    def convert(self, model: ModelProto, keep: Collection[str] = (), feeds: Sequence[Feed] = ()) -> ModelProto:
        """A float32 graph in this precision.

        Args:
            keep: names of matrices that stay float32 (see `matrices`).
            feeds: inputs of the graph by name, as they are in use.

        Raises:
            ExportError: a weight does not fit.
        """
        every = matrices(model)
        chosen = [matrix.node for matrix in every if matrix.name not in keep]
        match self.name:
            case "float16" | "bfloat16":
                kept = island_nodes(model, self.islands) | {matrix.node for matrix in every if matrix.name in keep}
                return in_half(model, TensorProto.FLOAT16 if self.name == "float16" else TensorProto.BFLOAT16, kept)
            case "int8":
                return dynamic(model, chosen)
            case "int8-static":
                return static(model, chosen, feeds)
            case "int8-blocks":
                return blocks(model, chosen, bits=8)
            case "int4":
                return blocks(model, chosen, bits=4)
            case "int8-fp16":
                quantised = static(model, chosen, feeds, symmetric=True)
                kept = island_nodes(quantised, self.islands) | {matrix.node for matrix in every if matrix.name in keep}
                return in_half(quantised, TensorProto.FLOAT16, kept)
        raise ExportError(f"there is no conversion to {self.name}; there are {', '.join(NAMES)}")


KINDS = {
    kind.name: kind
    for kind in (
        Kind("float16", "16 bits, 11 of them exact, up to 65,504", SENSITIVE),
        Kind("bfloat16", "16 bits, 8 of them exact, float32's range; for engines, no CPU kernels in ONNX Runtime", SENSITIVE),
        Kind("int8", "int8 weights, activations quantised as they come", UNQUANTISED),
        Kind("int8-static", "int8 weights, activations quantised by ranges of a calibration", UNQUANTISED, calibrated=True),
        Kind("int8-blocks", "int8 weights, a scale for every 32 of a column", UNQUANTISED),
        Kind("int4", "int4 weights, a scale for every 32 of a column", UNQUANTISED),
        Kind("int8-fp16", "int8-static with symmetric ranges, the rest in float16; the form for TensorRT", SENSITIVE, calibrated=True),
    )
}


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        ExportError: there is none.
    """
    if name not in KINDS:
        raise ExportError(f"there is no precision {name!r}; there are {FLOAT32}, {', '.join(KINDS)}")
    return KINDS[name]
