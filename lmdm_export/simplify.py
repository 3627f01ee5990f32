"""Simplification by onnxsim: constants folded, shape arithmetic gone."""

from __future__ import annotations

from typing import NamedTuple

import onnx

from lmdm_export.onnx_writer import anonymous

# This pass writes biased products with copies of the weights in another order, which no other graph shares.
SKIPPED = ["fuse_matmul_add_bias_into_gemm_batched"]

# onnxsim passes whole models through protobuf messages, which end at 2 GiB.
LARGEST_BYTES = 1_500_000_000


class Simplified(NamedTuple):
    """The model to use, and why it was left as it is, if it was."""

    model: onnx.ModelProto
    skipped: str | None = None


def simplified(model: onnx.ModelProto) -> Simplified:
    """A smaller equivalent model, or the model itself with a reason.

    onnxsim's own check is left out: it draws inputs that no graph meets, such as token ids beyond the vocabulary. `require_parity` holds
    what was written against torch instead.
    """
    size = model.ByteSize()
    if size > LARGEST_BYTES:
        return Simplified(model, f"{size / 1e9:.1f} GB is more than onnxsim's message limit allows ({LARGEST_BYTES / 1e9:.1f} GB)")
    import onnxsim

    smaller, _ = onnxsim.simplify(model, skipped_optimizers=SKIPPED)
    return Simplified(anonymous(smaller, model.graph.name))
