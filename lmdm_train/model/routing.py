"""Who may attend to whom, and what enters on which frames (paper §4.1, equations 4 and 5). Each rule is defined once, here."""

from __future__ import annotations

import torch
from torch import Tensor

from lmdm_train.config import DiTConfig, Layout, Pattern
from lmdm_train.errors import ModelError


def _mask(pattern: Pattern, layout: Layout, context: int) -> Tensor:
    """Allowed[query, key] over `context` clean frames, the block and the global token, which belongs to the target."""
    tokens = torch.arange(context + layout.block + 1)
    if pattern.kind == "bidirectional":
        return torch.ones(len(tokens), len(tokens), dtype=torch.bool)
    target = tokens >= context
    if pattern.kind == "encoder-decoder":
        return target[:, None] | ~target[None, :]
    chunk = (tokens // layout.block).clamp(max=context // layout.block)
    behind = chunk[:, None] - chunk[None, :]
    allowed = (behind >= 0) & (behind < pattern.window_chunks)
    if pattern.cached_target_sees_all:
        allowed |= target[:, None] & (behind >= 0) & (behind <= layout.context // layout.block)
    return allowed


def allowed_mask(pattern: Pattern, layout: Layout) -> Tensor:
    """Mask of one window, [window + 1, window + 1] bool, True where the query (row) may see the key (column).

    Token order: context frames, block, global token. Bidirectional: everyone sees everyone. Encoder-decoder: context sees
    context, the block and the global token see all. Block-causal: a chunk sees itself and the `window_chunks - 1` before it.
    """
    return _mask(pattern, layout, layout.context)


def history_mask(pattern: Pattern, layout: Layout, chunks: int) -> Tensor:
    """Block-causal mask over a whole history: `chunks` clean blocks, the block being made and the global token.

    [(chunks + 1) * block + 1] squared. This is what a cache of any length must reproduce.

    Raises:
        ModelError: for the other patterns, whose context is encoded anew for each window.
    """
    if pattern.kind != "block-causal":
        raise ModelError(f"a history mask exists for the block-causal pattern only, found {pattern.kind}; use allowed_mask for one window")
    return _mask(pattern, layout, chunks * layout.block)


def router_mask(layout: Layout) -> Tensor:
    """The paper's r (equation 4): [1, 1, window], 0 on context frames and 1 on the block."""
    return torch.cat((torch.zeros(1, 1, layout.context), torch.ones(1, 1, layout.block)), dim=-1)


def visible_context(pattern: Pattern, layout: Layout) -> int:
    """How many of the newest context frames the target sees."""
    if pattern.kind != "block-causal" or pattern.cached_target_sees_all:
        return layout.context
    return min(layout.context, (pattern.window_chunks - 1) * layout.block)


def additive_input(config: DiTConfig, clean_context: Tensor, controls: dict[str, Tensor] | None, layout: Layout) -> Tensor:
    """Input of the additive projection over the window, [B, additive_channels, window].

    On context frames the mask is 1 (also where the context is null) and the clean latents follow; on the block both are 0.
    Controls reach every frame.

    Args:
        clean_context: [B, latent_channels, context].
        controls: one [B, channels, window] tensor for each of `config.controls`.

    Raises:
        ModelError: a control is missing, unknown or of the wrong shape.
    """
    controls = controls or {}
    known = {group.name for group in config.controls}
    if set(controls) != known:
        raise ModelError(f"the network takes the controls {sorted(known) or 'none'}, found {sorted(controls) or 'none'}")
    batch, _, context = clean_context.shape
    if context != layout.context:
        raise ModelError(f"the clean context has {context} frames, layout {layout} expects {layout.context}")
    parts = []
    for group in config.additive:
        if group.name == "inpaint_mask":
            part = (1 - router_mask(layout)).to(clean_context).expand(batch, -1, -1)
        elif group.name == "inpaint_masked_input":
            part = torch.nn.functional.pad(clean_context, (0, layout.block))
        else:
            part = controls[group.name]
            if part.shape != (batch, group.channels, layout.window):
                raise ModelError(f"control {group.name} has shape {list(part.shape)}, expected {[batch, group.channels, layout.window]}")
        parts.append(part)
    if not parts:
        return clean_context.new_zeros(batch, 0, layout.window)
    return torch.cat(parts, dim=1)
