"""The C++ runtime as a module: bundles, noise and the blocking Generator. `lmdm_runtime.native` plays with it."""

from lmdm_native._core import Bundle, Generator, Noise, philox4x32

__all__ = ["Bundle", "Generator", "Noise", "philox4x32"]
