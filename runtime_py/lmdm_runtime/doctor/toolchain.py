"""The compiler and CMake, for the C++ runtime."""

from __future__ import annotations

import re
import shutil
import subprocess

from lmdm_runtime.doctor.finding import Finding

MINIMUM = {"cmake": (3, 25), "g++": (12,), "clang++": (15,)}


def cmake() -> Finding:
    return _tool("C++ build", ("cmake",))


def compiler() -> Finding:
    return _tool("C++ compiler", ("g++", "clang++"))


def _tool(check: str, names: tuple[str, ...]) -> Finding:
    wanted = " or ".join(f"{name} {_dotted(MINIMUM[name])}" for name in names)
    seen = []
    for name in names:
        path = shutil.which(name)
        if path is None:
            continue
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
        match = re.search(r"\d+(?:\.\d+)+", output)
        version = tuple(map(int, match[0].split("."))) if match else ()
        if version >= MINIMUM[name]:
            return Finding(check, "ok", f"{name} {_dotted(version)}", details={"path": path})
        seen.append(f"{name} is {_dotted(version) or 'of unknown version'}")
    found = "; ".join(seen) or f"no {' or '.join(names)}"
    return Finding(check, "optional", f"{found}; only the C++ runtime needs {wanted}", f"apt-get install {names[0]}")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
