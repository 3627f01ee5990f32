"""Python, the `lmdm` distribution, and the packages of each of its extras against the versions that it asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lmdm_runtime.distribution import DISTRIBUTION, install_command
from lmdm_runtime.doctor.finding import Finding

RUNTIME = "runtime"
# Extras whose parts have probes of their own (sound, gpu) are not repeated here.
USES = {
    "train": "lmdm data, lmdm train, and reading checkpoints",
    "export": "lmdm export, validate, import and demo",
    "t5": "instruments with a T5 text encoder",
    "dev": "scripts/test",
}


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    details = {"version": version, "executable": sys.executable}
    return Finding("python", "ok", f"{version} ({sys.executable})", details=details)


def extras() -> Iterator[Finding]:
    """One finding for the runtime's own packages and one for each extra of `USES`."""
    groups: dict[str, list[Requirement]] = {name: [] for name in (RUNTIME, *USES)}
    for requirement in map(Requirement, metadata.requires(DISTRIBUTION) or []):
        if canonicalize_name(requirement.name) == DISTRIBUTION:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            groups[RUNTIME].append(requirement)
            continue
        for name in USES:
            if requirement.marker.evaluate({"extra": name}):
                groups[name].append(requirement)
    for name, requirements in groups.items():
        yield group(name, requirements)


def group(name: str, requirements: list[Requirement]) -> Finding:
    """Compare the installed version of each requirement of one extra with what it asks for."""
    found: dict[str, str | None] = {}
    faults = []
    for requirement in requirements:
        found[requirement.name] = version = installed(requirement.name)
        if version is None:
            faults.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement.name} is {version}, needs {requirement.specifier}")
    check = f"packages: {name}"
    if not faults:
        return Finding(check, "ok", ", ".join(f"{package} {version}" for package, version in found.items()), details={"versions": found})
    if name == RUNTIME:
        return Finding(check, "fault", "; ".join(faults), install_command(), {"versions": found})
    return Finding(check, "optional", f"{'; '.join(faults)}; only for {USES[name]}", install_command(name), {"versions": found})


def installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
