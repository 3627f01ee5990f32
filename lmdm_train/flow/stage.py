"""The flow-matching stages `base`, `finetune` and `warm-start`: one loss, three beginnings."""

from __future__ import annotations

import random as randoms
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lmdm_train.checkpoint import save_instrument
from lmdm_train.data.batch import Source
from lmdm_train.data.settings import DataSettings
from lmdm_train.data.source import open_source
from lmdm_train.engine.demo import write_sound
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage, StepRandom
from lmdm_train.errors import LmdmTrainError
from lmdm_train.flow.demo import demo_frames
from lmdm_train.flow.draw import takes_context
from lmdm_train.flow.loss import chosen_path, flow_loss
from lmdm_train.flow.optimiser import AdamWSettings
from lmdm_train.flow.settings import FlowSettings
from lmdm_train.flow.start import StartSettings, begin
from lmdm_train.flow.words import tokenizer_for
from lmdm_train.model.instrument import Instrument
from lmdm_train.strict import Strict

DTYPES = {"float32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}


class DemoSettings(Strict):
    """What a demo plays: so many held-out crops' prompts and controls, for so long."""

    items: int = Field(default=2, gt=0)
    seconds: float = Field(default=8.0, gt=0)


class FlowConfig(Strict):
    """Configuration of `lmdm train base`, `finetune` and `warm-start`.

    Attributes:
        freeze_text: leave the own text encoder as it is; T5 is never trained.
        stored: type of the product's weights in its file.
    """

    run: RunSettings = RunSettings()
    data: DataSettings
    start: StartSettings = StartSettings()
    flow: FlowSettings = FlowSettings()
    optimiser: AdamWSettings = AdamWSettings()
    demo: DemoSettings = DemoSettings()
    freeze_text: bool = False
    stored: Literal["float32", "float16", "bfloat16"] = "float32"


def build_stage(config: FlowConfig, role: str = "finetune") -> FlowStage:
    """The stage of a configuration.

    Raises:
        LmdmTrainError: files are missing or do not fit, or the role asks for something else.
    """
    if role == "warm-start" and config.start.init is None:
        raise LmdmTrainError("a warm start begins with a trained network; set start.init to its checkpoint")
    beginning = begin(config.start.for_role(role))
    if isinstance(beginning, Instrument):
        instrument = beginning
        source = open_source(config.data, instrument.config, instrument.codec)
    else:
        shape, codec = beginning
        source = open_source(config.data, shape, codec)
        instrument = Instrument(shape, tokenizer=tokenizer_for(shape, source), t5=config.start.t5)
        instrument.codec.load_state_dict(codec.state_dict())
    return FlowStage(instrument, source, config)


class FlowStage(Stage):
    """Flow matching of the network, the seconds embedder and the own text encoder; the codec stays as it is."""

    averaged = "instrument"

    def __init__(self, instrument: Instrument, source: Source, config: FlowConfig) -> None:
        chosen_path(instrument.config, config.flow)
        self.instrument, self.source, self.config = instrument, source, config
        instrument.train().requires_grad_(True)
        instrument.codec.requires_grad_(False).eval()
        if config.freeze_text and instrument.conditioner.text is not None:
            instrument.conditioner.text.requires_grad_(False)

    def modules(self) -> dict[str, nn.Module]:
        return {"instrument": self.instrument}

    def optimised(self, phase: str) -> str:
        return "instrument"

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        return self.config.optimiser.build(self.instrument)

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        """`loss` of one batch of crops."""
        length = self.instrument.config.layout.window + self.config.flow.history
        batch = self.source.draw(random.python, self.config.run.batch, length)
        return flow_loss(self.instrument, batch, self.config.flow, random.python)

    def demo(self, folder: Path, averaged: nn.Module | None) -> None:
        """The same few held-out crops' prompts and controls at every demo; with controls, the crops themselves for comparison."""
        product, codec = self._product(averaged), self.instrument.config.codec
        layout, settings = product.config.layout, self.config.demo
        blocks = max(1, round(settings.seconds * codec.sample_rate / codec.frame_size / layout.block))
        length = blocks * layout.block if takes_context(product.config) else layout.window
        batch = self._shown.draw(randoms.Random(0), settings.items, length)
        # T5 is in no module, so that the average has none of its own yet, and needs none.
        speaker = self.instrument if product.config.text.kind == "t5" else product
        frames = demo_frames(product.eval(), batch, speaker.conditioner.encode_prompts(batch.prompts))
        for index, prompt in enumerate(batch.prompts):
            name = f"{index} {''.join(c if c.isalnum() or c == ' ' else ' ' for c in prompt)[:60]}".strip()
            write_sound(folder / name, product.codec.decode(frames[index : index + 1])[0], codec.sample_rate)
            if product.config.controls:
                original = batch.frames[index : index + 1].to(frames)
                write_sound(folder / f"{index} original", product.codec.decode(original)[0], codec.sample_rate)

    @cached_property
    def _shown(self) -> Source:
        held_out = self.config.data.model_copy(update={"part": "held-out"})
        try:
            return open_source(held_out, self.instrument.config, self.instrument.codec)
        except LmdmTrainError:
            return self.source

    def save(self, path: Path, averaged: nn.Module | None) -> None:
        save_instrument(path, self._product(averaged), dtype=DTYPES[self.config.stored])

    def _product(self, averaged: nn.Module | None) -> Instrument:
        product = self.instrument if averaged is None else averaged
        assert isinstance(product, Instrument)
        return product
