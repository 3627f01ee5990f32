"""The faults do what their names say, and leave nothing behind."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lmdm_export.validate.controls import FaultyBackend, blind, disturb, forget, on_cache, slide, stale_cross, swap, wrong_base
from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.manifest import Port
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import DiT
from lmdm_train.presets import preset

CONTEXT = 5


class Memory(Buffer):
    def __init__(self, values: NDArray) -> None:
        self.port, self.values = Port("", values.shape, str(values.dtype)), values.copy()

    @property
    def address(self) -> int:
        return id(self.values)

    def write(self, values: NDArray) -> None:
        self.values[...] = values

    def read(self) -> NDArray:
        return self.values.copy()


def random_kv(seed: int = 0) -> tuple[NDArray, NDArray]:
    draw = np.random.default_rng(seed)
    return tuple(draw.standard_normal((1, 2, CONTEXT, 64)).astype(np.float32) for _ in range(2))  # type: ignore[return-value]


def network() -> DiT:
    return DiT(preset("tiny").dit)


def rotated(dit: DiT, k: NDArray, v: NDArray, positions: list[int]) -> NDArray:
    return dit.rotate([LayerKV(torch.from_numpy(k), torch.from_numpy(v))], torch.tensor(positions))[0].k.numpy()


def test_slid_cache_is_the_cache_of_later_positions() -> None:
    dit, (k, v) = network(), random_kv()
    frequencies = dit.transformer.rotary_pos_emb.inv_freq.numpy().astype(np.float64)
    right = rotated(dit, k, v, [1, 2, 3, 4, 5])
    late_k, late_v = slide(frequencies)(right, v)
    np.testing.assert_allclose(late_k[:, :, 1:], rotated(dit, k, v, [2, 3, 4, 5, 6])[:, :, :-1], atol=1e-6)
    np.testing.assert_array_equal(late_v[:, :, 1:], v[:, :, :-1])


def test_wrong_base_is_the_cache_of_another_network() -> None:
    config = preset("tiny").dit
    right, wrong, (k, v) = DiT(config), DiT(config.model_copy(update={"rotary_base": 1_000_000.0})), random_kv()
    positions = [1, 2, 3, 4, 5]
    frequencies = right.transformer.rotary_pos_emb.inv_freq.numpy().astype(np.float64)
    turned, same = wrong_base(frequencies, CONTEXT)(rotated(right, k, v, positions), v)
    np.testing.assert_allclose(turned, rotated(wrong, k, v, positions), atol=1e-5)
    assert same is v


def test_the_cache_is_faulty_for_one_run_only() -> None:
    (k, v), seen = random_kv(), {}
    buffers = {"self_k_00": Memory(k), "self_v_00": Memory(v)}
    run = on_cache(swap, depth=1)
    run(lambda: seen.update({name: buffer.read() for name, buffer in buffers.items()}), buffers)
    np.testing.assert_array_equal(seen["self_k_00"], v)
    np.testing.assert_array_equal(seen["self_v_00"], k)
    np.testing.assert_array_equal(buffers["self_k_00"].read(), k)


def test_stale_cross_keeps_the_first_prompt() -> None:
    buffers = {"cross_k_00": Memory(np.zeros(2)), "cross_v_00": Memory(np.zeros(2)), "global_embed": Memory(np.zeros(2))}
    run = stale_cross(depth=1)
    for value in (1.0, 2.0):
        run(lambda value=value: [buffer.write(np.full(2, value)) for buffer in buffers.values()], buffers)  # type: ignore[misc]
    assert buffers["cross_k_00"].read()[0] == buffers["cross_v_00"].read()[0] == 1.0
    assert buffers["global_embed"].read()[0] == 2.0


def test_decoder_forgets_its_state_or_what_came_before() -> None:
    seen: list[NDArray] = []
    buffers = {"state_tail": Memory(np.ones(3)), "frames": Memory(np.ones((1, 2, 6)))}
    forget({"state_tail": np.zeros(3)})(lambda: seen.append(buffers["state_tail"].read()), buffers)
    blind(4)(lambda: seen.append(buffers["frames"].read()), buffers)
    assert not seen[0].any()
    np.testing.assert_array_equal(seen[1][0, 0], [0, 0, 0, 0, 1, 1])
    assert buffers["frames"].read().all()


def test_disturbance_is_of_its_size_and_differs_by_step() -> None:
    x, seen = np.zeros((1, 8, 400), np.float32), []
    buffers, run = {"x": Memory(x)}, disturb(1e-6, seed=0)
    for _ in range(2):
        buffers["x"].write(x)
        run(lambda: seen.append(buffers["x"].read()), buffers)
    np.testing.assert_allclose([s.std() for s in seen], 1e-6, rtol=0.1)
    assert not np.array_equal(*seen)


def test_only_the_named_graph_is_faulty() -> None:
    class Quiet(Binding):
        def run(self) -> None: ...

    class Fake(Backend):
        name = "fake"

        def buffer(self, port: Port) -> Buffer:
            return Memory(np.zeros(port.shape))

        def bind(self, graph: str, buffers: object) -> Binding:
            return Quiet()

    ran: list[str] = []
    backend = FaultyBackend(Fake(), "cached_decoder", lambda: lambda healthy, buffers: ran.append("fault"))
    backend.bind("conditioner", {}).run()
    assert ran == []
    backend.bind("cached_decoder", {}).run()
    assert ran == ["fault"]
