"""The NVIDIA driver and TensorRT, probed without loading anything that crashes where they are absent."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lmdm_runtime.distribution import install_command
from lmdm_runtime.doctor.finding import Finding
from lmdm_runtime.doctor.packages import installed

DRIVER_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76  # CUdevice_attribute
TENSORRT = ("tensorrt", "tensorrt-rtx")


@dataclass(frozen=True)
class Driver:
    """What the CUDA driver says. `reason` is why there is none, and then `devices` is empty."""

    reason: str | None
    version: str | None = None
    devices: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


def driver() -> Driver:
    """Ask libcuda itself: `cuInit` is the one call that is safe with or without a GPU."""
    try:
        cuda = ctypes.CDLL(DRIVER_LIBRARY)
    except OSError:
        return Driver(f"no {DRIVER_LIBRARY}")
    status = cuda.cuInit(0)
    if status != 0:
        return Driver(f"cuInit returned {status}" + (" (no device)" if status == 100 else ""))
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    found = [_device(cuda, index) for index in range(count.value)]
    return Driver(
        None,
        f"{version.value // 1000}.{version.value % 1000 // 10}",
        tuple(f"{name} (compute capability {target})" for name, target in found),
        tuple(target for _, target in found),
    )


def capability(found: Driver) -> str | None:
    """Compute capability of the first GPU, such as `8.9`; None without one."""
    return found.capabilities[0] if found.capabilities else None


def _device(cuda: ctypes.CDLL, index: int) -> tuple[str, str]:
    """Name and compute capability."""
    handle, name, major, minor = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_int()
    cuda.cuDeviceGet(ctypes.byref(handle), index)
    cuda.cuDeviceGetName(name, len(name), handle)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), COMPUTE_CAPABILITY_MAJOR, handle)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), COMPUTE_CAPABILITY_MINOR, handle)
    return name.value.decode(), f"{major.value}.{minor.value}"


def findings() -> Iterator[Finding]:
    """The driver and each TensorRT package. TensorRT is never imported here: without a driver its runtime crashes the process."""
    probed = driver()
    details = {"cuda": probed.version, "devices": list(probed.devices), "reason": probed.reason}
    if probed.reason is not None:
        yield Finding(
            "nvidia driver",
            "optional",
            f"{probed.reason}; engines cannot run here, everything else can",
            "install the NVIDIA driver",
            details,
        )
    else:
        yield Finding("nvidia driver", "ok", f"CUDA {probed.version}: {', '.join(probed.devices) or 'no device'}", details=details)
    for name in TENSORRT:
        version = installed(name)
        if version is None:
            yield Finding(name, "optional", "not installed; only engines need it", install_command(name))
        elif probed.reason is not None:
            yield Finding(name, "ok", f"{version}; without a driver it can build engines but not run them", details={"version": version})
        else:
            yield Finding(name, "ok", version, details={"version": version})
