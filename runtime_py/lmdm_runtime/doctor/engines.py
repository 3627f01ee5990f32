"""Engines on this machine: which could be built, which could be run, and what nobody of the project has ever run."""

from __future__ import annotations

from collections.abc import Iterator

from lmdm_runtime.distribution import install_command
from lmdm_runtime.doctor.finding import Finding
from lmdm_runtime.doctor.gpu import Driver, capability, driver
from lmdm_runtime.doctor.packages import installed
from lmdm_runtime.engines.packages import PACKAGES

# The table in docs/engines.md says how far each of them is tested; a test holds the two against each other.
NEVER_EXECUTED = (
    "tensorrt-rtx engines",
    "tensorrt engines",
    "CUDA graph of a block",
    "ONNX Runtime's CUDA provider (C++)",
    "ONNX Runtime's TensorRT provider (C++)",
    "torch in bfloat16 or compiled on a GPU",
)
FIRST_RUN = "on a machine with an NVIDIA GPU: lmdm build, lmdm validate --engine, python -m benchmarks.engines"


def findings(found: Driver | None = None) -> Iterator[Finding]:
    """Three lines; `found` is what the driver said, by default of this machine."""
    found = driver() if found is None else found
    versions = {name: version for name in PACKAGES if (version := installed(name)) is not None}
    yield buildable(found, versions)
    yield runnable(found, versions)
    yield Finding(
        "never executed", "optional", f"by anyone of the project: {', '.join(NEVER_EXECUTED)}", FIRST_RUN, {"parts": list(NEVER_EXECUTED)}
    )


def buildable(found: Driver, versions: dict[str, str]) -> Finding:
    """What `lmdm build` can do here."""
    here, can = capability(found), {}
    for name in versions:
        package = PACKAGES[name]
        if package.ahead_of_time:
            can[name] = list(package.targets)
        elif here is not None:
            can[name] = [here]
    said = "; ".join(f"{name} {versions[name]} for compute capability {', '.join(targets)}" for name, targets in can.items())
    if can:
        return Finding("engines: build", "ok", said, details={"targets": can})
    lacking = ", ".join(versions) or "no TensorRT package is installed"
    why = f"{lacking} builds only on the GPU it is for" if versions else lacking
    return Finding("engines: build", "optional", f"{why}; only lmdm build needs it", install_command("tensorrt-rtx"))


def runnable(found: Driver, versions: dict[str, str]) -> Finding:
    """What `--engine tensorrt` and `--engine tensorrt-rtx` can do here."""
    here = capability(found)
    if here is None:
        why = found.reason or "the driver has no device"
        return Finding(
            "engines: run", "optional", f"no GPU ({why}); --engine onnxruntime runs everywhere", "use a machine with an NVIDIA GPU"
        )
    can = [name for name in versions if not PACKAGES[name].targets or here in PACKAGES[name].targets]
    if can:
        return Finding("engines: run", "ok", f"{', '.join(can)} on compute capability {here}", details={"packages": can, "target": here})
    extra = "tensorrt-rtx" if here in PACKAGES["tensorrt-rtx"].targets else "tensorrt"
    return Finding("engines: run", "optional", f"no package that runs engines on compute capability {here}", install_command(extra))
