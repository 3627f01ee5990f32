"""The two packages that build and run engines, behind one API."""

from __future__ import annotations

from dataclasses import dataclass

from lmdm_runtime.distribution import install_command
from lmdm_runtime.errors import LmdmError


@dataclass(frozen=True)
class EnginePackage:
    """One package. `targets` are the compute capabilities that it builds for on any machine; empty: only for the GPU that is there,
    on which it times kernels, so that its engines hold for one driver version too."""

    name: str
    module: str
    targets: tuple[str, ...] = ()

    @property
    def ahead_of_time(self) -> bool:
        return bool(self.targets)


PACKAGES = {
    "tensorrt": EnginePackage("tensorrt", "tensorrt"),
    "tensorrt-rtx": EnginePackage("tensorrt-rtx", "tensorrt_rtx", ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")),
}


def package_version(package: EnginePackage) -> str:
    """The installed version.

    Raises:
        LmdmError: the package is not installed.
    """
    from lmdm_runtime.doctor.packages import installed

    version = installed(package.name)
    if version is None:
        raise LmdmError(
            f"the Python package {package.name} is not installed, and its engines need it; run: {install_command(package.name)}"
        )
    return version
