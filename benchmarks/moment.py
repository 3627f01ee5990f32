"""One moment of a performance in torch: a full context, a noisy block, a prompt; what every peer is given, and what it must answer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lmdm_export.graphs import GraphSpec, InstrumentGraphs, build_graphs
from lmdm_runtime.manifest import Manifest
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input, allowed_mask, router_mask
from lmdm_train.sampling.guidance import Guidance

Named = dict[str, Tensor]
SEED = 11


@dataclass
class Moment:
    """The instrument in one float type. Everything is drawn by seed from standard normals, the same numbers in both types."""

    instrument: Instrument
    manifest: Manifest

    def __post_init__(self) -> None:
        self.dtype = next(self.instrument.parameters()).dtype
        self.config = self.instrument.config
        sampling = self.config.sampling
        self.guidance = Guidance(sampling.guidance, sampling.guidance_scale)

    def precise(self) -> Moment:
        """The same moment in float64."""
        return Moment(copy.deepcopy(self.instrument).double(), self.manifest)

    @cached_property
    def graphs(self) -> InstrumentGraphs:
        """The torch modules of the graphs, which are a copy of the instrument."""
        return build_graphs(self.instrument, self.manifest.codec.decoder.fade or None)

    @cached_property
    def _drawn(self) -> Named:
        draw, config = np.random.default_rng(SEED), self.config
        layout, channels = config.layout, config.dit.latent_channels
        shapes = {
            "embedding": (1, config.text.tokens, config.text.width),
            "clean": (1, channels, layout.context),
            "x": (1, channels, layout.block),
            **{f"control_{c.name}": (1, c.channels, layout.window) for c in config.dit.controls},
            "frames": next(port.shape for port in self.manifest.graphs["codec_decoder"].inputs if port.name == "frames"),
        }
        made = {name: torch.from_numpy(draw.standard_normal(shape, dtype=np.float32)) for name, shape in shapes.items()}
        levels = self.manifest.sampling.schedule
        made["t"] = torch.tensor([levels[(len(levels) - 1) // 2]], dtype=torch.float32)
        made["seconds"] = torch.tensor([self.config.seconds_total], dtype=torch.float32)
        return {name: value.to(self.dtype) for name, value in made.items()}

    def _controls(self, first: int, last: int) -> Named:
        return {f"control_{c.name}": self._drawn[f"control_{c.name}"][..., first:last] for c in self.config.dit.controls}

    @cached_property
    def conditioned(self) -> Named:
        """Cross-attention keys and values of every layer, and the global embedding."""
        return self.graphs["conditioner"].run({name: self._drawn[name] for name in ("embedding", "seconds")})

    @cached_property
    def context_inputs(self) -> Named:
        """Inputs of the context encoder: the whole context, or the newest block of it with a cache that holds all before it."""
        spec, layout = self.graphs["context_encoder"], self.config.layout
        known = {**self.conditioned, **self._controls(0, layout.context)}
        if self.config.pattern.kind != "block-causal":
            return _taken(spec, {**known, "context": self._drawn["clean"]})
        cache = {name: value for name, value in spec.inputs.items() if name.startswith(("raw_k_", "self_v_"))}
        inputs: Named = {}
        for first in range(0, layout.context, layout.block):
            last = first + layout.block
            past = torch.tensor([first], dtype=torch.int64)
            newest = {"context": self._drawn["clean"][..., first:last], "past_frames": past, **self._controls(first, last)}
            inputs = _taken(spec, {**known, **{k: v.to(self.dtype) for k, v in cache.items()}, **newest})
            if last < layout.context:
                made = spec.run(inputs)
                cache = {name: made[f"{name}_out"] for name in cache}
        return inputs

    @cached_property
    def context(self) -> Named:
        """What the context encoder gives."""
        return self.graphs["context_encoder"].run(self.context_inputs)

    @cached_property
    def step_inputs(self) -> Named:
        """Inputs of the cached decoder: the context's keys and values, and the noisy block in the middle of its schedule."""
        layout = self.config.layout
        cache = {name.removesuffix("_out"): value for name, value in self.context.items()}
        controls = self._controls(layout.context, layout.window)
        drawn = {"x": self._drawn["x"], "t": self._drawn["t"]}
        return _taken(self.graphs["cached_decoder"], {**self.conditioned, **cache, **controls, **drawn})

    @cached_property
    def decode_inputs(self) -> Named:
        """Inputs of the codec's decoder: frames, and the states of a stream that has heard nothing."""
        spec = self.graphs["codec_decoder"]
        states = {name: value.to(self.dtype) for name, value in spec.inputs.items()}
        return {**states, "frames": self._drawn["frames"]}

    @cached_property
    def tokens(self) -> tuple[Tensor, Tensor]:
        """Cross tokens and global condition of the network's batch, for a forward without caches."""
        with torch.no_grad():
            cross, global_cond = self.instrument.conditioner.tokens(self._drawn["embedding"], self._drawn["seconds"])
        return self.guidance.null_text(cross), self.guidance.tile(global_cond)

    @property
    def window(self) -> tuple[Tensor, Tensor]:
        """Frames of the whole window [B, C, window], with noise of the block's level on the context, and noise levels [B]."""
        t = self._drawn["t"]
        noisy = torch.cat(((1 - t) * self._drawn["clean"], self._drawn["x"]), dim=-1)
        return self.guidance.tile(noisy), t.expand(self.guidance.copies)

    def masked_step(self) -> Callable[[], Tensor]:
        """Algorithm 1: a masked forward over the whole window, without any cache -> velocity of the block [B, C, o]."""
        layout, (window, t), (cross, global_cond) = self.config.layout, self.window, self.tokens
        controls = {c.name: self._drawn[f"control_{c.name}"] for c in self.config.dit.controls}
        additive = self.guidance.tile(additive_input(self.config.dit, self._drawn["clean"], controls, layout))
        router, allowed = router_mask(layout).to(self.dtype), allowed_mask(self.config.pattern, layout)

        @torch.no_grad()
        def step() -> Tensor:
            velocity = self.instrument.dit(window, t, cross, global_cond, additive=additive, router=router, allowed=allowed)
            return velocity[..., layout.context :]

        return step

    @torch.no_grad()
    def plain_step(self) -> Tensor:
        """Velocity of the window [B, C, window] by the same weights as a plain bidirectional network, without the additive input."""
        (window, t), (cross, global_cond) = self.window, self.tokens
        made: Tensor = self.instrument.dit(window, t, cross, global_cond)
        return made

    def expected(self) -> dict[str, dict[str, Tensor]]:
        """Outputs of every stage, by stage and by name."""
        return {
            "step": self.graphs["cached_decoder"].run(self.step_inputs),
            "context": self.context,
            "decode": self.graphs["codec_decoder"].run(self.decode_inputs),
            "plain step": {"velocity": self.plain_step()},
        }


def _taken(spec: GraphSpec, named: Mapping[str, Tensor]) -> Named:
    return {name: named[name] for name in spec.inputs}
