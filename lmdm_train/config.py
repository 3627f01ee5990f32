"""One typed, validated configuration of an instrument: network, pattern, layout, codec, text and sampling.

A checkpoint is `NAME.safetensors` beside `NAME.json`, and the JSON is exactly one `InstrumentConfig`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmdm_train.control import LocalControl
from lmdm_train.strict import Strict

PatternKind = Literal["bidirectional", "encoder-decoder", "block-causal"]
SolverName = Literal["euler", "heun", "rk4", "dpmpp-2m", "ping-pong"]
GuidanceKind = Literal["none", "cfg", "cfg++"]


class Layout(Strict):
    """Context and block lengths in latent frames, written `192/48`."""

    context: int = Field(gt=0)
    block: int = Field(gt=0)

    @property
    def window(self) -> int:
        return self.context + self.block

    def __str__(self) -> str:
        return f"{self.context}/{self.block}"


class Pattern(Strict):
    """Who may attend to whom (paper §4.1).

    `window_chunks` (block-causal only) counts the chunks that a chunk sees, itself included.
    `cached_target_sees_all` lets the target see every cached context frame instead of the
    `window_chunks - 1` chunks of the training mask, for weights that were trained through such a cache.
    """

    kind: PatternKind
    window_chunks: int = Field(default=4, gt=0)
    cached_target_sees_all: bool = False


class AdditiveInput(Strict):
    """One group of columns of the additive input projection, in checkpoint order."""

    name: str
    channels: int = Field(gt=0)


class DiTConfig(Strict):
    """Diffusion transformer of Stable Audio Open Small with LMDM's additive input (facts sheet §1)."""

    latent_channels: int = 64
    width: int = 1024
    depth: int = Field(default=16, gt=0)
    heads: int = 8
    ff_mult: int = 4
    text_width: int = 768
    global_width: int = 768
    time_features: int = 256
    rotary_base: float = 10_000.0
    additive: tuple[AdditiveInput, ...] = ()
    global_token: Literal["first", "last"] = "last"

    @model_validator(mode="after")
    def _heads_divide_width(self) -> DiTConfig:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def rotary_width(self) -> int:
        """Rotated dimensions of each head; the rest pass unrotated."""
        return max(self.head_width // 2, 32)

    @property
    def additive_channels(self) -> int:
        return sum(a.channels for a in self.additive)

    @property
    def controls(self) -> tuple[AdditiveInput, ...]:
        """Additive inputs beyond the context mask and the clean context: the local controls."""
        return tuple(a for a in self.additive if a.name not in ("inpaint_mask", "inpaint_masked_input"))


class OobleckConfig(Strict):
    """Oobleck autoencoder of Stable Audio Open; weight-normed convolutions and Snake."""

    kind: Literal["oobleck"] = "oobleck"
    sample_rate: int = 44_100
    audio_channels: int = 2
    base_channels: int = 128
    channel_mults: tuple[int, ...] = (1, 2, 4, 8, 16)
    strides: tuple[int, ...] = (2, 4, 4, 8, 8)
    latent_channels: int = 64

    @property
    def frame_size(self) -> int:
        size = 1
        for stride in self.strides:
            size *= stride
        return size


LONGEST_PHASE_PERIOD = 4096
"""In hops. A product of two numbers below it is below 2^24, the last up to which float32 holds every integer."""


class SpectralConfig(Strict):
    """Causal codec of sinusoids plus noise (spectral modelling synthesis, Serra and Smith 1990) with a learnt encoder and decoder."""

    kind: Literal["spectral"] = "spectral"
    sample_rate: int = 44_100
    audio_channels: Literal[1] = 1
    latent_channels: int = 32
    frame_size: int = 2048
    hops_per_frame: int = 4
    hidden: int = 384
    noise_bands: int = 32
    lowest_hz: float = 27.5
    highest_hz: float = 9_000.0
    longest_window: int = 8192
    noise_period_frames: int = 64
    phase_period_frames: int = 256

    @model_validator(mode="after")
    def _phases_stay_exact(self) -> SpectralConfig:
        period = self.phase_period_frames * self.hops_per_frame
        if period > LONGEST_PHASE_PERIOD:
            raise ValueError(
                f"phases repeat after {period} hops, at most {LONGEST_PHASE_PERIOD} are exact in float32; lower phase_period_frames"
            )
        return self


CodecConfig = Annotated[OobleckConfig | SpectralConfig, Field(discriminator="kind")]


class TextConfig(Strict):
    """`small`: own transformer on sentencepiece tokens; `t5`: transformers' T5 encoder from a local folder;
    `none`: the caller supplies embeddings."""

    kind: Literal["small", "t5", "none"] = "t5"
    tokens: int = 64
    width: int = 768
    depth: int = 2
    heads: int = 4
    vocabulary: int = 512


class SecondsConfig(Strict):
    """Seconds conditioner: clamps to [minimum, maximum] and embeds (facts sheet §7)."""

    minimum: float = 0.0
    maximum: float = 256.0


class SamplingConfig(Strict):
    """How blocks are sampled at inference; every number reaches the bundle's manifest."""

    solver: SolverName = "euler"
    steps: int = Field(default=50, gt=0)
    guidance: GuidanceKind = "cfg"
    guidance_scale: float = 4.0
    logsnr_start: float = -6.0
    logsnr_end: float = 2.0
    context_drop: int = Field(default=0, ge=0)


class InstrumentConfig(Strict):
    """Everything that decides what a checkpoint means."""

    name: str
    dit: DiTConfig
    layout: Layout
    pattern: Pattern
    codec: CodecConfig
    text: TextConfig = TextConfig()
    seconds: SecondsConfig = SecondsConfig()
    sampling: SamplingConfig = SamplingConfig()
    controls: tuple[LocalControl, ...] = ()

    @property
    def seconds_total(self) -> float:
        """What the seconds conditioner is told, in training and at inference: the window's duration in whole seconds, as released."""
        return float(self.layout.window * self.codec.frame_size // self.codec.sample_rate)

    @model_validator(mode="after")
    def _parts_fit(self) -> InstrumentConfig:
        if self.codec.latent_channels != self.dit.latent_channels:
            raise ValueError(f"codec gives {self.codec.latent_channels} latent channels, the network takes {self.dit.latent_channels}")
        if self.text.width != self.dit.text_width:
            raise ValueError(f"text encoder is {self.text.width} wide, the network's text_width is {self.dit.text_width}")
        self._controls_fit()
        if self.pattern.kind == "block-causal":
            if self.layout.context % self.layout.block:
                raise ValueError(f"block-causal needs a context that is a multiple of the block, found layout {self.layout}")
            chunks = self.layout.context // self.layout.block + 1
            if self.pattern.window_chunks > chunks:
                raise ValueError(f"window_chunks {self.pattern.window_chunks} exceeds the {chunks} chunks of layout {self.layout}")
        if self.sampling.context_drop > self.layout.context:
            raise ValueError(f"context_drop {self.sampling.context_drop} exceeds the context of {self.layout.context} frames")
        return self

    def _controls_fit(self) -> None:
        if len({control.kind for control in self.controls}) < len(self.controls):
            raise ValueError(f"each control may stand once, found {', '.join(control.kind for control in self.controls)}")
        inputs = {group.name: group.channels for group in self.dit.additive}
        for control in self.controls:
            for name, channels in control.groups(self.dit.latent_channels):
                if inputs.get(name) != channels:
                    raise ValueError(
                        f"control {control.kind} needs the additive input {name} with {channels} channels, the network has "
                        f"{inputs.get(name, 'none')}"
                    )
            if control.kind == "accompaniment" and control.cutoff > self.layout.window:
                raise ValueError(f"accompaniment cutoff {control.cutoff} exceeds the window of {self.layout.window} frames")
