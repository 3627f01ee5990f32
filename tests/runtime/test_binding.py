"""Keys and values stay where they are: buffers are made once, and graphs hand them on by address."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import onnxruntime as ort
import pytest

from lmdm_runtime import OrtOptions, RuntimeFault
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtBuffer, physical_cores
from lmdm_runtime.manifest import Port
from tests.runtime.conftest import Tiny


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, int], dict[str, int]]]:
    """Every run from here on: graph, addresses of its inputs, addresses of its outputs."""
    from lmdm_runtime.backends.onnxruntime import OrtBinding

    runs, run = [], OrtBinding.run

    def watched(self: OrtBinding) -> None:
        runs.append((self.graph, {n: b.address for n, b in self.inputs.items()}, {n: b.address for n, b in self.outputs.items()}))
        run(self)

    monkeypatch.setattr(OrtBinding, "run", watched)
    return runs


def test_an_output_is_the_next_graphs_input(tiny: Tiny, monkeypatch):
    runs = recorded(monkeypatch)
    session = tiny.session()
    session.set_prompt("jazz trio")
    for _ in range(4):
        session.next_block()
    written: dict[str, int] = {}
    compared = 0
    for graph, inputs, outputs in runs:
        for name, address in inputs.items():
            if name.startswith(("cross_", "self_", "raw_", "global_embed")) and name in written:
                assert address == written[name], f"{graph} reads {name} elsewhere than it was written"
                compared += 1
        written |= {name.removesuffix("_out"): address for name, address in outputs.items()}
    assert compared > 100


def test_addresses_never_change(tiny: Tiny, monkeypatch):
    session = tiny.session()
    session.set_prompt("jazz trio")
    for _ in range(2):
        session.next_block()
    runs = recorded(monkeypatch)
    for _ in range(6):
        session.next_block()
    seen: dict[tuple[str, str], set[int]] = {}
    for graph, inputs, outputs in runs:
        for name, address in (*inputs.items(), *outputs.items()):
            seen.setdefault((graph, name), set()).add(address)
    double = ("raw_", "self_v") if tiny.model.sizes.pattern == "block-causal" else ()
    for (graph, name), addresses in seen.items():
        assert len(addresses) == (2 if name.startswith((*double, "state_")) else 1), f"{graph} {name}"


def test_a_carried_state_is_never_written_where_it_is_read(causal: Tiny, monkeypatch):
    runs = recorded(monkeypatch)
    session = causal.session()
    session.set_prompt("jazz trio")
    for _ in range(3):
        session.next_block()
    for _, inputs, outputs in runs:
        assert not set(inputs.values()) & set(outputs.values())


def test_onnx_runtime_writes_into_the_bound_memory(tiny: Tiny):
    session = tiny.session()
    session.set_prompt("jazz trio")
    session.next_block()
    for buffer in session._conditioning.buffers.values():
        assert isinstance(buffer, OrtBuffer)
        assert buffer.address == buffer.array.ctypes.data == buffer.value.data_ptr()
        assert buffer.address % 64 == 0
        np.testing.assert_array_equal(buffer.value.numpy(), buffer.array)
    assert np.abs(session._conditioning.buffers["cross_k_00"].read()[0]).max() > 0


def test_a_long_run_does_not_grow(tiny: Tiny):
    session = tiny.session()
    session.set_prompts([("jazz trio", 0.5), ("piano", 0.5)])
    held = []
    tracemalloc.start()
    try:
        # Interpreter and libraries fill caches of their own over the first hundreds of blocks.
        for _ in range(6):
            for _ in range(60):
                session.next_block()
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[-1] - held[-2] < 4_000


def test_wrong_buffers_are_refused(tiny: Tiny):
    backend = OrtBackend(tiny.bundle)
    with pytest.raises(RuntimeFault, match="without"):
        backend.bind("conditioner", {})
    ports = tiny.bundle.manifest.graphs["conditioner"]
    buffers = {port.name: backend.buffer(port) for port in (*ports.inputs, *ports.outputs)}
    with pytest.raises(RuntimeFault, match="seconds"):
        backend.bind("conditioner", {**buffers, "seconds": backend.buffer(Port("seconds", (2,), "float32"))})


@pytest.mark.parametrize("options", [OrtOptions(threads=1), OrtOptions(threads=2, small=True)])
def test_threads_and_memory_change_no_answer(tiny: Tiny, options: OrtOptions):
    made = []
    for session in (tiny.session(), tiny.session(options=options)):
        session.set_prompt("fast techno")
        made.append(session.next_block())
    np.testing.assert_allclose(made[1], made[0], atol=1e-6)


def test_session_options(tiny: Tiny):
    options = OrtBackend(tiny.bundle)._session_options("cached_decoder")
    assert options.intra_op_num_threads == physical_cores() >= 1
    assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.set_denormal_as_zero") == "1"
