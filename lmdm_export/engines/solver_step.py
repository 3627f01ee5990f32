"""The ONNX graph `solver_step`; its ports and its place are in `lmdm_runtime.engines.solver_step`."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from lmdm_runtime.engines.solver_step import COEFFICIENTS, SOLVER_STEP, solver_step_entry
from lmdm_runtime.manifest import Manifest, Port

OPSET = 20
IR_VERSION = 10


def write_solver_step(manifest: Manifest, path: Path) -> None:
    """Write the update for a bundle's shapes: `((x a + v_cond b) + v_null c) + noise d`, without `c` where there is no guidance."""
    entry = solver_step_entry(manifest)
    guided = manifest.model.batch == 2
    factors = [f"factor_{name}" for name in COEFFICIENTS]
    nodes = [helper.make_node("Split", ["coefficients"], factors, axis=0, num_outputs=len(factors))]
    if guided:
        nodes.append(helper.make_node("Split", ["velocity"], ["v_cond", "v_null"], axis=0, num_outputs=2))
    terms = {"x": "x", "cond": "v_cond" if guided else "velocity", **({"null": "v_null"} if guided else {}), "noise": "noise"}
    total = ""
    for name, values in terms.items():
        nodes.append(helper.make_node("Mul", [values, f"factor_{name}"], [f"term_{name}"]))
        if total:
            nodes.append(helper.make_node("Add", [total, f"term_{name}"], [f"sum_{name}"]))
        total = f"sum_{name}" if total else f"term_{name}"
    nodes.append(helper.make_node("Identity", [total], ["next_x"]))
    nodes.append(helper.make_node("Identity", ["factor_next_t"], ["next_t"]))
    graph = helper.make_graph(nodes, SOLVER_STEP, [_info(port) for port in entry.inputs], [_info(port) for port in entry.outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def _info(port: Port) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(port.name, TensorProto.FLOAT, port.shape)
