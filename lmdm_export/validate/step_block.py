"""Step 2: one whole block through a session on the same noise, against a masked forward that knows of no cache."""

from __future__ import annotations

import numpy as np

from lmdm_export.validate.bounds import rounding_bound
from lmdm_export.validate.context import Validation
from lmdm_export.validate.control_faults import block_faults
from lmdm_export.validate.controls import cache_faults, noise_fault
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play
from lmdm_export.validate.report import Check, Control


def check_block(validation: Validation) -> None:
    """Adds a check for each block probe; the faults run on the last, whose context is the richest."""
    probes = validation.truth.block_probes(validation.begin)
    faults = (*cache_faults(validation.bundle.manifest), *block_faults(validation.bundle.manifest), noise_fault())
    tick = validation.begin("runtime: one block", len(probes) + len(faults))
    for probe in probes:
        found = play(validation.bundle, validation.backend, probe.scenario, audio=probe.audio)[-1]
        tick()
        errors = compare(probe.expected, found)
        bound = rounding_bound(probe.rounding, errors.peak)
        validation.report.checks.append(Check(2, probe.name, "max abs", errors.max_abs, bound, errors))
    probe = probes[-1]
    bound = rounding_bound(probe.rounding, float(np.max(np.abs(probe.expected))))
    for fault in faults:
        found = play(validation.bundle, validation.backend, probe.scenario, audio=probe.audio, fault=fault)[-1]
        tick()
        errors = compare(probe.expected, found)
        validation.report.controls.append(Control(2, fault.name, "max abs", errors.max_abs, bound.value))
