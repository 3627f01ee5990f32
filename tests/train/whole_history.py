"""What a block-causal stream must reproduce: one masked forward over its whole history, from the last time that its cache was built."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lmdm_train.config import Layout
from lmdm_train.model.attention import rotate_kv
from lmdm_train.model.dit import DiT
from lmdm_train.model.rotary import rotate
from lmdm_train.model.routing import additive_input, history_mask, router_mask
from lmdm_train.rollout.context import partially_null_context, slide
from lmdm_train.rollout.prompts import BlockCondition
from lmdm_train.rollout.setup import Evaluation, Rollout
from tests.train.small_rollouts import largest_difference


@dataclass
class History:
    """Clean frames since the cache was built, and for each chunk the condition under which it was encoded and what its encoding saw."""

    rollout: Rollout
    frames: Tensor
    conditions: list[BlockCondition]
    encoded: list[Evaluation] = field(default_factory=list)

    @property
    def chunks(self) -> int:
        return self.frames.shape[-1] // self.rollout.layout.block

    def newest(self, chunks: int) -> History:
        """Forgets everything but the newest chunks."""
        o = self.rollout.layout.block
        return History(self.rollout, self.frames[..., -chunks * o :], self.conditions[-chunks:], self.encoded[-chunks:])

    def forward(self, dit: DiT, block: int, x: Tensor, t: float) -> tuple[Tensor, list[Tensor]]:
        """Velocity of the noisy block at the end of the history, and the hidden state of every token after each layer.

        Frames have positions 1..N. The global token stands as far before the block as in a window: only distances matter.
        """
        rollout, layout = self.rollout, Layout(context=self.frames.shape[-1], block=self.rollout.layout.block)
        tile = rollout.guidance.tile
        controls = None if rollout.controls is None else dataclasses.replace(rollout.controls, layout=layout)(block)
        additive = tile(additive_input(dit.config, self.frames, controls, layout)).to(next(dit.parameters()))
        window = torch.nn.functional.pad(tile(x), (layout.context, 0)).to(additive)
        positions = torch.cat((torch.arange(1, layout.window + 1), torch.tensor([layout.context - rollout.layout.context])))
        allowed = history_mask(rollout.pattern, rollout.layout, self.chunks)
        levels = window.new_full((len(window),), t)
        hidden: list[Tensor] = []
        last = self.conditions[-1]
        if all(condition is last for condition in self.conditions):
            text, seconds = (part.to(additive) for part in rollout.network_condition(last))
            velocity = dit(
                window,
                levels,
                text,
                seconds,
                additive=additive,
                router=router_mask(layout).to(additive),
                allowed=allowed,
                positions=positions,
                collect=hidden,
            )
        else:
            velocity = self._forward_by_chunk(dit, window, levels, additive, positions, allowed, hidden)
        return velocity[..., layout.context :], hidden

    def _forward_by_chunk(self, dit, window, levels, additive, positions, allowed, hidden) -> Tensor:
        """The same forward, written out, where each chunk attends to the text under which it was encoded."""
        o = self.rollout.layout.block
        router = torch.ones(window.shape[-1]).to(window)
        router[:-o] = 0
        assert dit is self.rollout.dit, "chunks under different prompts are compared in the rollout's own precision"
        conditionings = [self.rollout.conditioning(condition) for condition in self.conditions]
        conditionings.append(conditionings[-1])  # the block itself and the global token
        x = dit.transformer.project_in((window + dit.preprocess_conv(window)).transpose(1, 2)) * router[None, :, None]
        x = x + dit.to_input_add_embed(additive.transpose(1, 2))
        seconds = conditionings[-1].global_embed
        x = torch.cat((x, (seconds + dit.to_timestep_embed(dit.timestep_features(levels)))[:, None]), dim=1)
        angles = dit.transformer.rotary_pos_emb(positions)
        for number, layer in enumerate(dit.layers):
            q, raw = layer.self_attn.project(layer.pre_norm(x))
            x = x + layer.self_attn.attend(rotate(q, angles), rotate_kv(raw, angles), allowed)
            normed = layer.cross_attend_norm(x)
            groups = [normed[:, i * o : (i + 1) * o] for i in range(self.chunks)] + [normed[:, self.chunks * o :]]
            x = x + torch.cat([layer.cross_attn(group, c.cross[number]) for group, c in zip(groups, conditionings, strict=True)], dim=1)
            x = x + layer.ff(layer.ff_norm(x))
            hidden.append(x)
        velocity = dit.transformer.project_out(x[:, :-1]).transpose(1, 2)
        return velocity + dit.postprocess_conv(velocity)


def histories(rollout: Rollout, blocks: list[Tensor], passes: list[Evaluation]) -> list[History]:
    """The history at the time of each block of a finished run."""
    per_block = rollout.layout.context // rollout.layout.block
    clean, previous, found = rollout.start, None, []
    history = None
    for number, block in enumerate(blocks):
        condition = rollout.conditions(number)
        if previous is not None and condition.dominant == previous.dominant:
            history = History(
                rollout, torch.cat((history.frames, blocks[number - 1]), dim=-1), [*history.conditions, condition], history.encoded
            )
        else:
            clean = clean if previous is None else partially_null_context(clean, rollout.sampling.context_drop)
            history = History(rollout, clean, [condition] * per_block)
        history.encoded = [*history.encoded, *(p for p in passes if p.block == number and p.stage == "context")]
        assert len(history.encoded) == history.chunks
        found.append(history)
        clean, previous = slide(clean, block), condition
    return found


def stream_error(history: History, dit: DiT, block: int, passes: list[Evaluation], *, context: bool = True) -> float:
    """Largest difference of a block's every step and layer, and of the newest chunks' encodings, from the forward over its history."""
    o, depth = history.rollout.layout.block, dit.config.depth
    differences = []
    for step in (p for p in passes if p.block == block and p.stage == "block"):
        velocity, hidden = history.forward(dit, block, step.x, step.t)
        differences.append(largest_difference(step.velocity, velocity))
        assert len(step.hidden) == len(hidden) == depth
        for layer, whole in enumerate(hidden):
            differences.append(largest_difference(step.hidden[layer], whole[:, history.chunks * o :]))
            if context:
                encoded = torch.cat([p.hidden[layer] for p in history.encoded], dim=1)
                differences.append(largest_difference(encoded, whole[:, : history.chunks * o]))
    assert differences
    return max(differences)


def receptive_chunks(rollout: Rollout) -> int:
    """How many of the newest chunks decide the target exactly: in every layer the view reaches `window_chunks - 1` chunks further back,
    and in the last one as far as the target sees."""
    back = rollout.pattern.window_chunks - 1
    seen = rollout.layout.context // rollout.layout.block if rollout.pattern.cached_target_sees_all else back
    return max(seen + (rollout.dit.config.depth - 1) * back, 1)
