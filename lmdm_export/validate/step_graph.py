"""Step 1: every output of every graph through the engine against torch, on the same inputs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lmdm_export.validate.bounds import Bound, rounding_bound
from lmdm_export.validate.context import Validation
from lmdm_export.validate.control_faults import graph_faults
from lmdm_export.validate.controls import Fault, cache_faults
from lmdm_export.validate.metrics import Errors, compare
from lmdm_export.validate.player import run_graph
from lmdm_export.validate.report import Check, Control
from lmdm_export.validate.truth import Arrays, GraphProbe

Seen = dict[str, list[tuple[Errors, Bound]]]


def check_graphs(validation: Validation) -> None:
    """Adds one check for each kind of output (all layers of `cross_k_NN` are one kind) and the faults of cache and sketch."""
    seen: dict[str, Seen] = {}
    pictures: dict[str, Arrays] = {}
    probes: dict[str, GraphProbe] = {}
    for probe in validation.truth.graph_probes(validation.begin):
        found = run_graph(validation.bundle, validation.backend, probe.graph, probe.inputs)
        for name, expected in probe.expected.items():
            errors = compare(expected, found[name])
            bound = rounding_bound(probe.rounding[name], errors.peak)
            seen.setdefault(probe.graph, {}).setdefault(name, []).append((errors, bound))
            if validation.plots is not None:
                ratio = np.abs(found[name] - expected) / max(bound.value, 1e-30)
                picture = pictures.setdefault(probe.graph, {})
                picture[name] = np.maximum(picture[name], ratio) if name in picture else ratio
        probes[probe.graph] = probe
    for graph, outputs in seen.items():
        for kind, names in kinds(outputs).items():
            validation.report.checks.append(_worst(f"{graph}: {kind}", [pair for name in names for pair in outputs[name]]))
    for fault in (*cache_faults(validation.bundle.manifest), *graph_faults(validation.bundle)):
        if fault.graph in probes:
            _fault(validation, fault, probes[fault.graph])
    if validation.plots is not None:
        from lmdm_export.validate.plots import plot_graph_errors

        for graph, picture in pictures.items():
            plot_graph_errors(validation.plots / f"graph-{graph}.png", graph, picture)


def kinds(names: Iterable[str]) -> dict[str, list[str]]:
    """Outputs grouped over layers: `cross_k_00`, `cross_k_01` -> `cross_k (2 layers)`."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        stem, _, number = name.removesuffix("_out").rpartition("_")
        suffix = "_out" if name.endswith("_out") else ""
        grouped.setdefault(f"{stem}{suffix}" if number.isdigit() else name, []).append(name)
    return {kind if len(layers) == 1 else f"{kind} ({len(layers)} layers)": layers for kind, layers in grouped.items()}


def _worst(what: str, pairs: list[tuple[Errors, Bound]]) -> Check:
    """The comparison nearest to its bound stands for all of them; the other figures are the worst of all."""
    errors, bound = max(pairs, key=lambda pair: pair[0].max_abs / max(pair[1].value, 1e-30))
    return Check(1, what, "max abs", errors.max_abs, bound, Errors.worst(e for e, _ in pairs))


def _fault(validation: Validation, fault: Fault, probe: GraphProbe) -> None:
    """The fault in its graph's last probe, by the output that shows it best; the state of a stream is no result."""
    found = run_graph(validation.bundle, fault.wrap(validation.backend), probe.graph, probe.inputs)
    shown = {}
    for name, expected in probe.expected.items():
        if not name.startswith("state_"):
            bound = rounding_bound(probe.rounding[name], float(np.max(np.abs(expected)))).value
            shown[name] = (compare(expected, found[name]).max_abs, bound)
    name, (measured, bound) = max(shown.items(), key=lambda item: item[1][0] / item[1][1])
    validation.report.controls.append(Control(1, fault.name, f"max abs of {name}", measured, bound))
