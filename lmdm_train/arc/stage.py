"""`lmdm train arc`: generator and discriminator take turns (paper §4.2, A.2.1; facts sheet §4)."""

from __future__ import annotations

import random as randoms
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from lmdm_train.arc.demo import write_demo
from lmdm_train.arc.discriminator import Discriminator
from lmdm_train.arc.game import Game
from lmdm_train.arc.scene import crop_length, draw_scene
from lmdm_train.arc.settings import DiscriminatorSettings, GeneratorSettings, LossSettings, PlaySettings, RolloutSettings
from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.config import InstrumentConfig, SamplingConfig
from lmdm_train.data.batch import Source
from lmdm_train.data.settings import DataSettings
from lmdm_train.data.source import open_source
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage, StepRandom
from lmdm_train.errors import LmdmTrainError
from lmdm_train.flow.stage import DTYPES, DemoSettings
from lmdm_train.model.instrument import Instrument
from lmdm_train.strict import Strict


class ArcConfig(Strict):
    """Configuration of `lmdm train arc`. `run.steps` counts the steps of both players.

    `stored` is the type of the product's weights in its file, `t5` the folder of the T5 encoder for text kind t5.
    """

    run: RunSettings = RunSettings()
    data: DataSettings
    generator: GeneratorSettings
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    rollout: RolloutSettings = RolloutSettings()
    loss: LossSettings = LossSettings()
    play: PlaySettings = PlaySettings()
    demo: DemoSettings = DemoSettings()
    stored: Literal["float32", "float16", "bfloat16"] = "float32"
    t5: Path | None = None


def build_stage(config: ArcConfig, role: str = "arc") -> ArcStage:
    """The stage of a configuration, with its two checkpoints loaded and its music opened.

    Raises:
        LmdmTrainError: a checkpoint is missing, or they, the music and the settings do not fit together.
    """
    generator = load_instrument(config.generator.init, t5=config.t5)
    backbone = load_instrument(config.discriminator.backbone or config.generator.init, t5=config.t5)
    return ArcStage(config, generator, backbone, open_source(config.data, generator.config, generator.codec))


class ArcStage(Stage):
    """ARC-Forcing of `generator`; the discriminator is made of `backbone`, which may be a second copy of it but not the same.

    Raises:
        LmdmTrainError: they do not fit one another, or the settings do not fit them.
    """

    averaged = "generator"

    def __init__(self, config: ArcConfig, generator: Instrument, backbone: Instrument, music: Source) -> None:
        _require(config, generator.config, backbone.config)
        self.config, self.music = config, music
        self.phases = ("generator", *["discriminator"] * config.discriminator.updates)
        generator.config = generator.config.model_copy(update={"sampling": _played(generator.config.sampling, config)})
        generator.train().requires_grad_(True)
        generator.codec.requires_grad_(False).eval()
        if config.generator.freeze_text and generator.conditioner.text is not None:
            generator.conditioner.text.requires_grad_(False)
        discriminator = Discriminator(backbone, generator.config.dit.controls, config.discriminator).train()
        groups = {str(c.kind): tuple(name for name, _ in c.groups(generator.config.dit.latent_channels)) for c in generator.config.controls}
        self.game = Game(generator, discriminator, config.rollout, config.loss, groups)

    def modules(self) -> dict[str, nn.Module]:
        return {"generator": self.game.generator, "discriminator": self.game.discriminator}

    def optimised(self, phase: str) -> str:
        return phase

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        settings = self.config.generator.optimiser if name == "generator" else self.config.discriminator.optimiser
        return settings.build(self.modules()[name])

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        """`margin` is how far music scores above rollouts on average, `told_apart` how often it does."""
        if phase == "generator" and random.step < self.config.discriminator.head_start:
            # A loss of nothing: no parameter gets a gradient, so the optimiser leaves all of them alone.
            return {"loss": torch.zeros((), requires_grad=True)}
        config = self.game.generator.config
        like = self.game.generator.dit.transformer.project_in.weight
        length = crop_length(config.layout, self.config.rollout.blocks)
        batch = self.music.draw(random.python, self.config.run.batch, length + self.config.rollout.history)
        scene = draw_scene(config, batch, self.config.rollout, random.python, like)
        told = batch.seconds.to(like)
        heard = told if self.config.data.seconds == "metadata" else torch.full_like(told, _whole_seconds(config, length))
        play = self.game.generator_losses if phase == "generator" else self.game.discriminator_losses
        return play(scene, (told, heard), random.python, random.shared)

    def demo(self, folder: Path, averaged: nn.Module | None) -> None:
        """What the generator plays from nothing in 1, 2 and 4 steps, beside the held-out music whose prompts and controls it gets."""
        product, codec, settings = self._product(averaged), self.game.generator.config.codec, self.config.demo
        layout = product.config.layout
        blocks = max(1, round(settings.seconds * codec.sample_rate / codec.frame_size / layout.block))
        batch = self._shown.draw(randoms.Random(0), settings.items, blocks * layout.block)
        # T5 is in no module, so that an average has none of its own.
        speaker = self.game.generator if product.config.text.kind == "t5" else product
        embedding = speaker.conditioner.encode_prompts(batch.prompts)
        write_demo(folder, product, batch, embedding, {1, 2, 4, self.config.play.steps})

    @cached_property
    def _shown(self) -> Source:
        generator = self.game.generator
        try:
            return open_source(self.config.data.model_copy(update={"part": "held-out"}), generator.config, generator.codec)
        except LmdmTrainError:
            return self.music

    def save(self, path: Path, averaged: nn.Module | None) -> None:
        save_instrument(path, self._product(averaged), dtype=DTYPES[self.config.stored])

    def _product(self, averaged: nn.Module | None) -> Instrument:
        product = self.game.generator if averaged is None else averaged
        assert isinstance(product, Instrument)
        return product


def _played(before: SamplingConfig, config: ArcConfig) -> SamplingConfig:
    play = config.play
    changed = {"solver": "ping-pong", "guidance": "none", "guidance_scale": 1.0, **play.model_dump()}
    return SamplingConfig.model_validate({**before.model_dump(), **changed})


def _whole_seconds(config: InstrumentConfig, frames: int) -> float:
    """Duration in whole seconds, as released."""
    return float(frames * config.codec.frame_size // config.codec.sample_rate)


def _require(config: ArcConfig, generator: InstrumentConfig, backbone: InstrumentConfig) -> None:
    if generator.pattern.kind == "bidirectional":
        raise LmdmTrainError(f"{generator.name} is bidirectional and cannot play through a cache; fine-tune it first: lmdm train finetune")
    if backbone.dit.latent_channels != generator.dit.latent_channels or backbone.codec != generator.codec:
        raise LmdmTrainError(
            f"the discriminator's backbone {backbone.name} was made for another codec than {generator.name}; "
            "warm one up on the same music: lmdm train warm-start"
        )
    if config.loss.contrastive and config.run.batch < 2:
        raise LmdmTrainError(
            "the contrastive loss takes its negatives from the same micro-batch, found run.batch = 1; raise it, or set loss.contrastive=0"
        )
    if config.discriminator.head_start and config.run.precision == "16-mixed":
        raise LmdmTrainError(
            "discriminator.head_start makes steps without gradients, which 16-mixed cannot scale; use bf16-mixed or 32-true"
        )
    known = {"prompt", *(control.kind for control in generator.controls)}
    unknown = sorted(set(config.loss.mismatched) - known)
    if unknown or (config.loss.contrastive and not config.loss.mismatched):
        raise LmdmTrainError(f"loss.mismatched names {unknown or 'nothing'}; {generator.name} can mismatch {', '.join(sorted(known))}")
    scored = config.rollout.blocks * generator.layout.block
    least = 1
    for stride in config.discriminator.head.strides:
        least *= stride
    if config.discriminator.hears == "rollout" and scored < least:
        raise LmdmTrainError(
            f"{config.rollout.blocks} blocks make {scored} frames, the discriminator's head needs {least}; raise rollout.blocks"
        )
