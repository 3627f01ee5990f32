"""The precisions by name, for what must not import ONNX: `--help`, and the validation of a variant."""

from __future__ import annotations

FLOAT32 = "float32"
AUTO = "auto"
NAMES = ("float16", "bfloat16", "int8", "int8-static", "int8-blocks", "int4", "int8-fp16")
SILENT = ("bfloat16",)
"""Those that ONNX Runtime's CPU provider has no kernels for."""

DEFAULT_BUDGET = 0.1
"""A tenth of another seed's distance: 20 dB below what a change of seed does to every block. On the default instrument the mildest fault
that validation knows, context kept at a prompt change, lies at 0.19, and swapped K and V at 1.2."""
