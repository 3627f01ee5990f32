"""`python -m lmdm_runtime.cli`: the `lmdm` command where its script is not on PATH."""

from __future__ import annotations

from lmdm_runtime.cli import main

main(prog_name="lmdm")
