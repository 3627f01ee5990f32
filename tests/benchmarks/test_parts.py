"""Figures, floors and the description of the machine."""

from __future__ import annotations

import json

import pytest

from benchmarks.floor import Peak, Work, context_work, masked_step_work, measure_peak, step_work
from benchmarks.machine import describe_machine
from benchmarks.timing import Milliseconds, Sample, in_turn
from lmdm_train.config import Layout
from lmdm_train.presets import preset


def test_machine_names_what_a_result_depends_on() -> None:
    machine = json.loads(json.dumps(describe_machine()))
    assert machine["cores"] >= machine["usable_cores"] >= 1
    assert len(machine["load_average"]) == 3
    assert {"numpy", "onnxruntime", "torch"} <= machine["versions"].keys()


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
