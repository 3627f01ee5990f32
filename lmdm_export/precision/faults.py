"""Faults that a budget must not let pass."""

from __future__ import annotations

from lmdm_export.validate.controls import Fault, cache_faults, prompt_fault
from lmdm_runtime.manifest import Manifest


def control_faults(manifest: Manifest) -> list[Fault]:
    """What a broken export would sound like. Another seed is 1 by definition and needs no run."""
    swapped = next(fault for fault in cache_faults(manifest) if fault.name == "swapped K and V")
    return [prompt_fault(manifest), swapped]
