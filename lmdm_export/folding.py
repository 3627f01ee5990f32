"""Constants folded and unused nodes removed, with every value kept to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir


def fold(model: onnx_ir.Model) -> None:
    """Fold the constants of a freshly traced model in place.

    The exporter's own optimiser is not used: it takes constants below 1e-8 for zero and factors within 1e-5 of one for one, so the
    `+ 1e-12` of a guarded square root would vanish.
    """
    from onnx_ir.passes import Sequential, common
    from onnxscript import optimizer

    optimizer.fold_constants(model, onnx_shape_inference=True)
    Sequential(
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.OutputFixPass(),
    )(model)
