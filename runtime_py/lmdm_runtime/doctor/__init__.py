"""What `lmdm doctor` looks at: small probes, each of which answers with findings and never raises."""

from __future__ import annotations

from lmdm_runtime.doctor import engines, gpu, packages, processor, providers, sound, toolchain
from lmdm_runtime.doctor.finding import Finding

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """Run every probe, in the order in which a reader wants to see them."""
    return [
        packages.python(),
        *packages.extras(),
        providers.onnxruntime_providers(),
        providers.openvino(),
        processor.features(),
        processor.threads(),
        processor.memory(),
        processor.huge_pages(),
        *gpu.findings(),
        *engines.findings(),
        sound.device(),
        sound.fluidsynth(),
        sound.soundfont(),
        toolchain.cmake(),
        toolchain.compiler(),
    ]
