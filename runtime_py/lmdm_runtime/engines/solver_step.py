"""The update of a linear solver as a graph of its own, so that a whole block runs on the device without a word from the host."""

from __future__ import annotations

from lmdm_runtime.manifest import GraphEntry, Manifest, Port

SOLVER_STEP = "solver_step"
COEFFICIENTS = ("x", "cond", "null", "noise", "next_t")
# Stated in every key, so that engines of another form are built again.
SOLVER_STEP_FORM = "solver_step 1: x a + v_cond b + v_null c + noise d; next_t"


def solver_step_entry(manifest: Manifest, file: str = "solver_step.onnx", sha256: str = "") -> GraphEntry:
    """The ports of `solver_step` for a bundle's shapes.

    Inputs `x`, `noise` [1, C, o], `velocity` [B, C, o] and `coefficients` [5] (see `COEFFICIENTS`); outputs `next_x` [1, C, o] and
    `next_t` [1].
    """
    model = manifest.model
    block = (1, model.latent_channels, model.block)
    inputs = (
        Port("x", block, "float32"),
        Port("velocity", (model.batch, *block[1:]), "float32"),
        Port("noise", block, "float32"),
        Port("coefficients", (len(COEFFICIENTS),), "float32"),
    )
    return GraphEntry(SOLVER_STEP, file, sha256, inputs, (Port("next_x", block, "float32"), Port("next_t", (1,), "float32")))
