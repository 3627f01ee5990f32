"""Figures, floors and the description of the machine."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from benchmarks.floor import Peak, Work, context_work, masked_step_work, measure_peak, step_work
from benchmarks.machine import describe_machine
from benchmarks.source import float32_bundle
from benchmarks.timing import Milliseconds, Sample, in_turn
from lmdm_train.config import DiTConfig, Layout
from lmdm_train.presets import preset
from tests.runtime.tiny_bundle import write_tiny_bundle


def test_machine_names_what_a_result_depends_on() -> None:
    machine = json.loads(json.dumps(describe_machine()))
    assert machine["cores"] >= machine["usable_cores"] >= 1
    assert len(machine["load_average"]) == 3
    assert {"numpy", "onnxruntime", "torch"} <= machine["versions"].keys()


def test_a_variant_is_not_held_to_the_fixtures_of_float32(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    assert float32_bundle(tmp_path).manifest.precision is None
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["precision"] = {"kind": "int8", "islands": [], "budget": 0.1, "parity": 0.04}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(click.ClickException, match="is in int8"):
        float32_bundle(tmp_path)


def test_subjects_run_in_turn_and_warm_up_does_not_count() -> None:
    order: list[str] = []
    samples = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, runs=3, warm_up=2)
    assert order == ["a", "b"] * 5
    assert {name: len(of) for name, of in samples.items()} == {"a": 3, "b": 3}


def test_figures_of_known_samples() -> None:
    figures = Milliseconds.of([Sample(wall=ms / 1e3, cpu=0.002) for ms in range(1, 102)])
    assert figures.median == pytest.approx(51)
    assert figures.spread == pytest.approx(50)
    assert (figures.p95, figures.p99) == (pytest.approx(96), pytest.approx(100))
    assert (figures.fastest, figures.cpu, figures.runs) == (pytest.approx(1), pytest.approx(2), 101)


def test_full_size_step_needs_what_its_parameters_say() -> None:
    """A token of the 340M network costs about twice its weights in operations, less what is hoisted out of the step."""
    config, layout = preset("lmdm-ed").dit, Layout(context=230, block=10)
    work = step_work(config, layout, visible=230, text_tokens=65, batch=1)
    assert 2 * 280e6 * 11 < work.operations < 2 * 340e6 * 11
    assert 1.1e9 < work.read_bytes < 1.3e9
    whole = masked_step_work(config, layout, text_tokens=65, batch=1)
    assert 15 < whole.operations / work.operations < 30
    causal, window = context_work(config, 10, 40, 65, 1), context_work(config, 230, 230, 65, 1)
    assert window.operations > 20 * causal.operations


def test_the_floor_is_the_larger_of_arithmetic_and_memory() -> None:
    floor = Work(operations=1e9, read_bytes=1e9).floor_ms(Peak(flops=1e11, read_bytes=2e10))
    assert floor == {"arithmetic": pytest.approx(10), "memory": pytest.approx(50), "floor": pytest.approx(50)}


def test_probe_finds_some_peak() -> None:
    peak = measure_peak(size=64, megabytes=1, runs=2)
    assert peak.flops > 1e7
    assert peak.read_bytes > 1e7


def test_floors_are_what_a_hand_counts() -> None:
    """Width 4, one layer, ff 2, 3 latent channels: a step of 2 frames and the global token over 5 cached frames and 6 text tokens."""
    config = DiTConfig(latent_channels=3, width=4, depth=1, heads=1, ff_mult=2)
    work = step_work(config, Layout(context=5, block=2), visible=5, text_tokens=6, batch=1)
    # A layer's weights: self-attention 4 x 16, cross-attention 2 x 16, SwiGLU 6 x 16; projections in and out 2 x 3 x 4.
    weights, projections = 64 + 32 + 96, 24
    # Every token meets 5 + 3 keys and 6 text tokens: a product with keys and one with values, each 4 wide.
    attention = 2 * 4 * (8 + 6)
    assert work.operations == 2 * 3 * (weights + attention) + 2 * 2 * projections
    # Cached keys and values are read too.
    assert work.read_bytes == 4 * (weights + projections + 2 * 4 * (8 + 6))
    assert (work + 2 * work).operations == 3 * work.operations


@pytest.mark.parametrize("name", ["tiny", "tiny-bc"])
def test_no_floor_is_above_what_torch_counts(name: str) -> None:
    """An independent count of the graphs, which have small parts that the floor leaves out."""
    from benchmarks.prepare import counted_work, network_work
    from lmdm_export.graphs import build_graphs
    from lmdm_train.model.instrument import Instrument

    config = preset(name)
    graphs, floors = build_graphs(Instrument(config)), network_work(config, batch=2)
    for stage, graph in (("step", "cached_decoder"), ("context", "context_encoder")):
        share = floors[stage].operations / counted_work(graphs[graph]).operations
        assert 0.9 < share <= 1.0, stage
