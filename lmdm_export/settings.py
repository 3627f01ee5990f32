"""What an export may decide differently from the checkpoint's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lmdm_export.errors import ExportError
from lmdm_train.config import GuidanceKind, InstrumentConfig, Layout, SolverName
from lmdm_train.errors import SamplingError
from lmdm_train.presets import parse_layout
from lmdm_train.sampling.solvers import require_guidance

DEFAULT_FADE = 2


@dataclass(frozen=True)
class ExportSettings:
    """None keeps what the checkpoint's configuration says.

    `fade`: frames of crossfade of a codec that looks ahead; None pays its whole look-ahead, which is exact.
    `fused`: also write the network with ONNX Runtime's contrib operators.
    `rollout_blocks`: length of the closed-loop fixture; None is 64, or 16 for a large network.
    """

    steps: int | None = None
    solver: SolverName | None = None
    guidance: GuidanceKind | None = None
    guidance_scale: float | None = None
    context_drop: int | None = None
    layout: Layout | None = None
    fade: int | None = None
    simplify: bool = True
    fused: bool = True
    rollout_blocks: int | None = None

    def applied(self, config: InstrumentConfig) -> InstrumentConfig:
        """The configuration with these settings.

        Raises:
            ExportError: the result is not valid, such as a layout that the pattern rules out.
        """
        names = ("steps", "solver", "guidance", "guidance_scale", "context_drop")
        changes = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        document: dict[str, Any] = config.model_dump()
        document["sampling"] |= changes
        if self.layout is not None:
            document["layout"] = self.layout.model_dump()
        try:
            changed = InstrumentConfig.model_validate(document)
            require_guidance(changed.sampling.solver, changed.sampling.guidance)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ExportError(f"{config.name} cannot be exported with these settings: {reason}") from error
        except SamplingError as error:
            raise ExportError(str(error)) from error
        return changed


def parse_lookahead(text: str) -> int | None:
    """`pay` -> None; `crossfade` or `crossfade:N` -> frames of crossfade.

    Raises:
        ExportError: it is neither.
    """
    if text == "pay":
        return None
    if text == "crossfade":
        return DEFAULT_FADE
    kind, _, frames = text.partition(":")
    if kind == "crossfade" and frames.isdecimal() and int(frames) > 0:
        return int(frames)
    raise ExportError(f"--lookahead is pay, crossfade or crossfade:FRAMES, found {text!r}")


__all__ = ["DEFAULT_FADE", "ExportSettings", "parse_layout", "parse_lookahead"]
