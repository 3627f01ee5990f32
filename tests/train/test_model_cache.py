"""The cached split of the network equals its masked full forward at every layer, for each pattern."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lmdm_train.config import Layout, Pattern
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import DiT
from lmdm_train.model.routing import additive_input, allowed_mask, history_mask, router_mask, visible_context
from tests.cached_window import cached_velocity, encode_window
from tests.oracle_cases import assert_caught, assert_matches
from tests.small_instruments import small_instrument

ROUNDING = 2e-5


class Window:
    """One window of a small network: its inputs, and its masked full forward with every hidden state."""

    def __init__(self, name: str, pattern: Pattern | None = None) -> None:
        instrument = small_instrument(name)
        self.network: DiT = instrument.dit
        self.pattern, self.layout = pattern or instrument.config.pattern, instrument.config.layout
        config, random = instrument.config.dit, torch.Generator().manual_seed(1)

        def noise(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=random)

        self.x = noise(2, config.latent_channels, self.layout.window)
        self.t = torch.tensor([0.9, 0.3])
        self.text, self.seconds = noise(2, 9, config.text_width), noise(2, config.global_width)
        self.clean = noise(2, config.latent_channels, self.layout.context)
        controls = {group.name: noise(2, group.channels, self.layout.window) for group in config.controls}
        self.additive = additive_input(config, self.clean, controls, self.layout)
        self.hidden: list[Tensor] = []
        self.velocity = self.network(
            self.x,
            self.t,
            self.text,
            self.seconds,
            additive=self.additive,
            router=router_mask(self.layout),
            allowed=allowed_mask(self.pattern, self.layout),
            collect=self.hidden,
        )

    @property
    def block(self) -> Tensor:
        return self.x[..., self.layout.context :]


SEES_ALL = Pattern(kind="block-causal", window_chunks=4, cached_target_sees_all=True)
NARROW = Pattern(kind="block-causal", window_chunks=2)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("tiny", None), ("tiny-control", None), ("tiny-bc", None), ("tiny-bc", SEES_ALL), ("tiny-bc", NARROW)],
    ids=["encoder-decoder", "with a control", "block-causal", "target sees all", "two chunks"],
)
def test_cached_equals_masked_at_every_layer(name: str, pattern: Pattern | None) -> None:
    window = Window(name, pattern)
    context: list[Tensor] = []
    block: list[Tensor] = []
    arguments = (window.network, window.pattern, window.layout, window.block, window.t, window.text, window.seconds, window.additive)
    velocity = cached_velocity(*arguments, collect_context=context, collect_block=block)

    split = window.layout.context
    for index, hidden in enumerate(window.hidden):
        assert_matches(context[index], hidden[:, :split], f"context after layer {index}", ROUNDING)
        assert_matches(block[index], hidden[:, split:], f"block and global token after layer {index}", ROUNDING)
    assert_matches(velocity, window.velocity[..., split:], "velocity", ROUNDING)
    assert_matches(cached_velocity(*arguments), velocity, "velocity without collecting", ROUNDING)
    assert_caught(cached_velocity(*arguments, shift=1), velocity, "cache placed one frame late")
    assert_caught(cached_velocity(*arguments, swap=True), velocity, "keys and values swapped")


def test_context_depends_on_neither_noise_nor_time() -> None:
    window = Window("tiny")
    hidden: list[Tensor] = []
    window.network(
        window.x + 1,
        window.t / 2,
        window.text,
        window.seconds + 1,
        additive=window.additive,
        router=router_mask(window.layout),
        allowed=allowed_mask(window.pattern, window.layout),
        collect=hidden,
    )
    split = window.layout.context
    for before, after in zip(window.hidden, hidden, strict=True):
        assert torch.equal(before[:, :split], after[:, :split])
    assert_caught(hidden[0][:, split:], window.hidden[0][:, split:], "noise and time at the block")


def test_stale_condition_is_caught() -> None:
    window = Window("tiny")
    network, layout = window.network, window.layout
    old = network.condition(window.text.roll(1, dims=0), window.seconds)
    new = network.condition(window.text, window.seconds)
    raw = encode_window(network, window.pattern, layout, old, window.additive[..., : layout.context])
    kv = network.rotate(raw, torch.arange(1, layout.context + 1))
    velocity = network.decode_block(window.block, window.t, new, kv, positions=torch.arange(layout.context + 1, layout.window + 1))
    assert_caught(velocity, window.velocity[..., layout.context :], "context encoded under another prompt")


@pytest.mark.parametrize("valid", [0, 4, 12])
def test_past_valid_hides_the_oldest_frames(valid: int) -> None:
    """A fixed-size past with `valid` real frames equals a past that is only so long."""
    window = Window("tiny-bc")
    network, layout = window.network, window.layout
    conditioning = network.condition(window.text, window.seconds)
    past_length = 3 * layout.block
    positions = torch.arange(1, layout.context + 1)
    raw = encode_window(network, window.pattern, layout, conditioning, window.additive[..., : layout.context])
    past = [LayerKV(kv.k[:, :, :past_length], kv.v[:, :, :past_length]) for kv in raw]
    short = [LayerKV(kv.k[:, :, past_length - valid :], kv.v[:, :, past_length - valid :]) for kv in past]
    chunk, own = window.additive[..., past_length : layout.context], positions[past_length:]

    masked = network.encode_context(
        chunk, conditioning, own, past=past, past_positions=positions[:past_length], past_valid=torch.tensor(valid)
    )
    exact = network.encode_context(
        chunk,
        conditioning,
        own,
        past=short if valid else None,
        past_positions=positions[past_length - valid : past_length] if valid else None,
    )
    for index, (one, other) in enumerate(zip(masked, exact, strict=True)):
        assert_matches(one.k, other.k, f"keys of layer {index}", ROUNDING)
        assert_matches(one.v, other.v, f"values of layer {index}", ROUNDING)
    if valid < past_length:
        all_seen = network.encode_context(chunk, conditioning, own, past=past, past_positions=positions[:past_length])
        assert_caught(all_seen[-1].v, exact[-1].v, "frames that are not there seen")


def test_only_distances_between_context_frames_matter() -> None:
    """Raw keys may be placed anywhere: a context encoded at shifted positions has the same raw keys and values."""
    window = Window("tiny")
    conditioning = window.network.condition(window.text, window.seconds)
    clean = window.additive[..., : window.layout.context]
    here = window.network.encode_context(clean, conditioning, torch.arange(1, window.layout.context + 1))
    there = window.network.encode_context(clean, conditioning, torch.arange(101, window.layout.context + 101))
    for one, other in zip(here, there, strict=True):
        assert_matches(one.k, other.k, "raw keys elsewhere", 1e-4)


def test_one_window_is_a_history_of_its_own_length() -> None:
    layout, pattern = Layout(context=16, block=4), Pattern(kind="block-causal", window_chunks=4)
    assert torch.equal(history_mask(pattern, layout, 4), allowed_mask(pattern, layout))
    history = history_mask(pattern, layout, 9)
    assert history.shape == (41, 41)
    # The end of a long history, target and global token, sees the same frames as in one window.
    assert torch.equal(history[-5:, -21:], allowed_mask(pattern, layout)[-5:])
    assert not history[-5:, :-17].any()


def test_visible_context_agrees_with_the_mask() -> None:
    for name, pattern in (("tiny", None), ("tiny-bc", None), ("tiny-bc", SEES_ALL), ("tiny-bc", NARROW)):
        instrument_pattern = pattern or small_instrument(name).config.pattern
        layout = small_instrument(name).config.layout
        seen = allowed_mask(instrument_pattern, layout)[layout.context, : layout.context]
        assert int(seen.sum()) == visible_context(instrument_pattern, layout)
        assert bool(seen[layout.context - int(seen.sum()) :].all())
