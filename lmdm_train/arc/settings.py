"""Settings of ARC-Forcing; the defaults are the paper's (§4.2, A.2.1), and the released code's where it is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lmdm_train.flow.dropout import ContextDropout
from lmdm_train.flow.noise_levels import LogitNormal, NoiseLevels
from lmdm_train.flow.optimiser import AdamWSettings
from lmdm_train.strict import Strict


class ArcOptimiser(AdamWSettings):
    """AdamW of either player; the defaults are the released ones. `head_rate` multiplies the learning rate of the discriminator's head,
    which is fresh where its backbone is not."""

    learning_rate: float = Field(default=1e-6, gt=0)
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = Field(default=0.01, ge=0)
    head_rate: float = Field(default=1.0, gt=0)

    def _rate(self, name: str) -> float:
        return super()._rate(name) * (self.head_rate if name.startswith("head.") else 1.0)


class GeneratorSettings(Strict):
    """`init` is the checkpoint of a fine-tuned instrument, whose configuration the product keeps; `optimiser` trains it, and
    `freeze_text` leaves its own text encoder as it is."""

    init: Path
    optimiser: ArcOptimiser = ArcOptimiser()
    freeze_text: bool = False


class RolloutSettings(Strict):
    """How the generator plays in training.

    Attributes:
        blocks: B, blocks of one rollout; crops have context + B * block frames.
        min_steps, max_steps: k of each block is uniform in between, both included (paper: U[2, K_max]).
        grid: None: a block of k steps runs over the k-step schedule, exactly as it is played later, so that what the discriminator
            hears is what a listener hears at k steps, and the gradient meets the last noise level of every schedule. A number:
            the first k levels of that many steps, as released: gradient at every level of one schedule but blocks cut off early.
            What the release draws is `min_steps = 1, max_steps = 5, grid = 6`.
        context: null and partially null contexts.
        null: how a context becomes null, in the music and its rollout alike. `shift`: the music begins that much later, with its
            controls, as when a performance starts (released). `in-place`: the frames are wiped.
        history_dropout: with `in-place`, the share of items whose sketch is wiped with their context.
        history: frames before a crop that are drawn too, so that the controls' medians look back as in a stream.
        text_dropout: share of items whose prompt the generator does not get.
        gradient: `kept` keeps what every block's last step needs for its gradient; `recomputed` runs context and last step of one
            block at a time again, so that memory does not grow with the rollout. Both give the same gradient.
    """

    blocks: int = Field(default=12, gt=0)
    min_steps: int = Field(default=2, gt=0)
    max_steps: int = Field(default=6, gt=0)
    grid: int | None = Field(default=None, gt=0)
    context: ContextDropout = ContextDropout(p_uncond=0.5, p_partial=0.1)
    null: Literal["shift", "in-place"] = "shift"
    history_dropout: float = Field(default=0.0, ge=0, le=1)
    history: int = Field(default=0, ge=0)
    text_dropout: float = Field(default=0.0, ge=0, le=1)
    gradient: Literal["kept", "recomputed"] = "kept"

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        if self.min_steps > self.max_steps:
            raise ValueError(f"min_steps {self.min_steps} exceeds max_steps {self.max_steps}")
        if self.grid is not None and self.max_steps > self.grid:
            raise ValueError(f"max_steps {self.max_steps} exceeds the grid of {self.grid} steps")
        return self


class HeadSettings(Strict):
    """The discriminator's head. `channels` None: an eighth of the backbone's width, as released (128 of 1024)."""

    channels: int | None = Field(default=None, gt=0)
    multiples: tuple[int, ...] = (1, 2, 4)
    strides: tuple[int, ...] = (1, 2, 2)
    blocks: int = Field(default=2, ge=0)

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if len(self.multiples) != len(self.strides) or not self.multiples:
            raise ValueError(f"a head has as many multiples as strides, found {self.multiples} and {self.strides}")
        return self


class DiscriminatorSettings(Strict):
    """Attributes:
    backbone: checkpoint of the bidirectional network, of `lmdm train warm-start`; None starts from the generator's own.
    layers: how many of its layers run; None is three quarters of them. The released code names 12 as an index and runs 13.
    hears: `rollout` scores the frames from the context's end on, `all` the context too. Attention sees everything anyway.
    head: sizes of the convolutional head.
    optimiser: of backbone and head.
    updates: of the discriminator for each one of the generator; 1 as released.
    head_start: steps of the run in which the generator stays as it is and the discriminator alone learns.
    """

    backbone: Path | None = None
    layers: int | None = Field(default=None, gt=0)
    hears: Literal["rollout", "all"] = "rollout"
    head: HeadSettings = HeadSettings()
    optimiser: ArcOptimiser = ArcOptimiser()
    updates: int = Field(default=1, gt=0)
    head_start: int = Field(default=0, ge=0)


class LossSettings(Strict):
    """Attributes:
    kind: `relativistic` is the paper's (Eq. 6); the other two are alternatives of the released code.
    contrastive: weight of Eq. 7; the paper's λ is 1.
    mismatched: what a contrastive negative has of another item: its `prompt`, or local controls by kind.
    mismatch: whether it has `all` of these, as released, or `one` of them, drawn for each micro-batch, so that each must be listened to.
    noise_levels: p(k) of what the discriminator hears.
    penalty: `difference` estimates the gradient penalties with noise of `penalty_noise`, as released; `exact` differentiates twice.
    r1, r2: their weights on music and on rollouts; both are 0 in every released configuration.
    """

    kind: Literal["relativistic", "lsgan", "relativistic-lsgan"] = "relativistic"
    contrastive: float = Field(default=1.0, ge=0)
    mismatched: tuple[str, ...] = ("prompt",)
    mismatch: Literal["all", "one"] = "all"
    noise_levels: NoiseLevels = LogitNormal()
    penalty: Literal["difference", "exact"] = "difference"
    penalty_noise: float = Field(default=0.05, gt=0)
    r1: float = Field(default=0.0, ge=0)
    r2: float = Field(default=0.0, ge=0)


class PlaySettings(Strict):
    """How the product is played: ping-pong without guidance, `steps` steps."""

    steps: int = Field(default=4, gt=0)
    logsnr_start: float = -6.0
    logsnr_end: float = 2.0
