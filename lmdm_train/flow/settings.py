"""Settings of the flow-matching loss; its defaults are the paper's fine-tune (A.2.1), and the released code's where it is silent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lmdm_train.flow.dropout import ContextDropout
from lmdm_train.flow.noise_levels import NoiseLevels, Shift, Uniform
from lmdm_train.strict import Strict


class FlowSettings(Strict):
    """What one micro-batch trains.

    Attributes:
        path: how the velocity is computed. `cached` encodes the context once (encoder-decoder only), `masked` is one forward over
            the window; both have the same gradient. `auto` takes the cached one where there is one.
        targets: noise draws of each item; on the cached path they share one context pass.
        context: null and partially null contexts, for networks that have a context.
        context_noise: standard deviation, at most, of noise on clean context frames: it stands for the errors of the network's own
            past, which it will be conditioned on.
        history_dropout: share of the items whose sketch is absent where their context is null, as at a stream's start.
        history: frames before the window that a crop has in addition, so that the controls' medians look back as in a stream.
        text_dropout: share of null prompts, which guidance needs; the global token is never dropped.
        group_dropout: share of items without a group of the additive input, each group drawn by itself; 0.1 as released.
        noise_levels: which noise levels are trained.
        shift: more noise for longer windows.
    """

    path: Literal["auto", "cached", "masked"] = "auto"
    targets: int = Field(default=1, gt=0)
    context: ContextDropout = ContextDropout()
    context_noise: float = Field(default=0.0, ge=0)
    history_dropout: float = Field(default=0.5, ge=0, le=1)
    history: int = Field(default=0, ge=0)
    text_dropout: float = Field(default=0.1, ge=0, le=1)
    group_dropout: float = Field(default=0.0, ge=0, le=1)
    noise_levels: NoiseLevels = Uniform()
    shift: Shift | None = None
