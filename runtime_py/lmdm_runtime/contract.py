"""What the inputs and outputs of each graph must be, given the sizes in the manifest. Names and shapes are the bundle format."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

from lmdm_runtime.errors import BundleError
from lmdm_runtime.manifest import GraphEntry, Manifest, Port, Streaming

Shapes = dict[str, tuple[int, ...]]
# No buffer is larger, so that no size overflows in any runtime once the manifest is accepted.
MOST_ELEMENTS = 2**31 - 1


def layer_names(stem: str, depth: int, suffix: str = "") -> tuple[str, ...]:
    """`stem_NN` for every layer, such as `cross_k_00`."""
    return tuple(f"{stem}_{layer:02d}{suffix}" for layer in range(depth))


def cross_names(depth: int) -> tuple[str, ...]:
    return layer_names("cross_k", depth) + layer_names("cross_v", depth)


def require_contract(manifest: Manifest) -> None:
    """Refuses a manifest whose parts do not fit one another.

    Raises:
        BundleError: a graph is missing, or an input or output is missing, unknown, or of another shape than the model's sizes give.
    """
    _require_sizes(manifest)
    _require_controls(manifest)
    expected = expected_shapes(manifest)
    for name, (inputs, outputs) in expected.items():
        graph = manifest.graphs.get(name)
        if graph is None:
            raise BundleError(f"the bundle {manifest.name} has no graph {name}; export the checkpoint again with lmdm export")
        # An exporter may leave out an input that no result depends on, such as the last layer's cross keys of the context encoder.
        optional = set(cross_names(manifest.model.depth)) if name == "context_encoder" else set()
        _require_ports(graph, "input", graph.inputs, inputs, optional)
        _require_ports(graph, "output", graph.outputs, outputs, set())


def expected_shapes(manifest: Manifest) -> dict[str, tuple[Shapes, Shapes]]:
    """Graph -> shapes of its inputs and of its outputs by name. Codec states are named and shaped by the graphs themselves."""
    model, codec = manifest.model, manifest.codec
    s, o, c, depth = model.context, model.block, model.latent_channels, model.depth
    cross: Shapes = dict.fromkeys(cross_names(depth), (model.batch, model.heads, model.text_tokens + 1, model.head_width))
    cached = (model.batch, model.heads, s, model.head_width)
    self_k: Shapes = dict.fromkeys(layer_names("self_k", depth), cached)
    self_v: Shapes = dict.fromkeys(layer_names("self_v", depth), cached)
    embedding = (1, model.text_tokens, model.text_width)

    def controls(frames: int) -> Shapes:
        return {f"control_{group.name}": (1, group.channels, frames) for group in manifest.groups}

    context: tuple[Shapes, Shapes]
    if model.pattern == "encoder-decoder":
        context = ({"context": (1, c, s), **controls(s), **cross}, {**self_k, **self_v})
    else:
        raw_k: Shapes = dict.fromkeys(layer_names("raw_k", depth), cached)
        slid = {f"{name}_out": shape for name, shape in {**raw_k, **self_v}.items()}
        context = ({"context": (1, c, o), "past_frames": (1,), **controls(o), **cross, **raw_k, **self_v}, {**slid, **self_k})
    global_embed = {"global_embed": (1, model.width)}
    shapes: dict[str, tuple[Shapes, Shapes]] = {
        "conditioner": ({"embedding": embedding, "seconds": (1,)}, {**cross, **global_embed}),
        "context_encoder": context,
        "cached_decoder": (
            {"x": (1, c, o), "t": (1,), **global_embed, **controls(o), **cross, **self_k, **self_v},
            {"velocity": (model.batch, c, o)},
        ),
    }
    if manifest.text is not None:
        tokens = (1, model.text_tokens)
        shapes["text_encoder"] = ({"token_ids": tokens, "token_mask": tokens}, {"embedding": embedding})
    audio = (1, codec.audio_channels)
    if manifest.sketch is not None:
        drawn: Shapes = {g.name: (1, g.channels, o) for entry in manifest.controls if entry.source == "sketch" for g in entry.groups}
        past = _states(manifest, "sketch")
        heard_block = {"audio": (*audio, o * codec.frame_size), "smoothing": (len(manifest.sketch.medians),)}
        shapes["sketch"] = ({**heard_block, **past}, {**drawn, **_out(past)})
    heard, made = _heard(codec.encoder, o, codec.encoder.right), o + codec.decoder.fade
    encoder_states, decoder_states = _states(manifest, "codec_encoder"), _states(manifest, "codec_decoder")
    shapes["codec_encoder"] = (
        {"audio": (*audio, heard * codec.frame_size), **encoder_states},
        {"frames": (1, c, o), **_out(encoder_states)},
    )
    shapes["codec_decoder"] = (
        {"frames": (1, c, _heard(codec.decoder, o, codec.decoder.delay)), **decoder_states},
        {"audio": (*audio, made * codec.frame_size), **_out(decoder_states)},
    )
    return shapes


def _heard(streaming: Streaming, frames: int, ahead: int) -> int:
    return frames if streaming.kind == "state" else streaming.left + frames + ahead


def _states(manifest: Manifest, graph: str) -> Shapes:
    entry = manifest.graphs.get(graph)
    return {} if entry is None else {port.name: port.shape for port in entry.inputs if port.name.startswith("state_")}


def _out(states: Shapes) -> Shapes:
    return {f"{name}_out": shape for name, shape in states.items()}


def _require_ports(graph: GraphEntry, side: str, found: tuple[Port, ...], expected: Shapes, optional: set[str]) -> None:
    shapes = {port.name: port.shape for port in found}
    missing, unknown = sorted(set(expected) - set(shapes) - optional), sorted(set(shapes) - set(expected))
    if missing or unknown:
        what = f"lacks the {side} {missing[0]}" if missing else f"has an unknown {side} {unknown[0]}"
        raise BundleError(f"{graph.file} {what}, which graph {graph.name} of this model must{'' if missing else ' not'} have; {_AGAIN}")
    for name, shape in shapes.items():
        if shape != expected[name]:
            raise BundleError(
                f"{graph.file} has {side} {name} of shape {list(shape)}, expected {list(expected[name])} from the model's sizes; {_AGAIN}"
            )
        if math.prod(shape) > MOST_ELEMENTS:
            raise BundleError(f"{graph.file} has {side} {name} of shape {list(shape)}, expected at most {MOST_ELEMENTS} elements; {_AGAIN}")


def _require_sizes(manifest: Manifest) -> None:
    model, sampling = manifest.model, manifest.sampling
    batch = 1 if sampling.guidance == "none" else 2
    if model.batch != batch:
        raise BundleError(f"the manifest states batch {model.batch}, guidance {sampling.guidance} needs {batch}; {_AGAIN}")
    if manifest.text is not None and manifest.text.tokens != model.text_tokens:
        raise BundleError(f"the tokenizer gives {manifest.text.tokens} tokens, the model takes {model.text_tokens}; {_AGAIN}")
    if model.pattern == "block-causal" and (model.window_chunks is None or model.context % model.block):
        raise BundleError(
            f"a block-causal model needs window_chunks and a context that is a multiple of its block, "
            f"found {model.window_chunks} and layout {model.context}/{model.block}; {_AGAIN}"
        )
    if sampling.context_drop > model.context:
        raise BundleError(f"context_drop {sampling.context_drop} exceeds the context of {model.context} frames; {_AGAIN}")


def _require_controls(manifest: Manifest) -> None:
    names = [group.name for group in manifest.groups]
    if len(set(names)) < len(names):
        raise BundleError(f"two controls of the manifest share the group {Counter(names).most_common(1)[0][0]}; {_AGAIN}")
    drawn = [control.kind for control in manifest.controls if control.source == "sketch"]
    if (manifest.sketch is None) == bool(drawn):
        raise BundleError(
            f"the manifest has {'no' if drawn else 'a'} sketch, its sketched controls are {', '.join(drawn) or 'none'}; {_AGAIN}"
        )
    if manifest.sketch is not None and manifest.sketch.median not in manifest.sketch.medians:
        raise BundleError(f"the default median {manifest.sketch.median} is none of {list(manifest.sketch.medians)}; {_AGAIN}")
    model = manifest.model
    for control in manifest.controls:
        if control.axis is not None and (
            control.source != "sketch"
            or len(control.axis.values) != control.groups[0].channels - 1
            or any(a >= b for a, b in pairwise(control.axis.values))
            or (control.axis.unit == "Hz" and control.axis.values[0] <= 0)
        ):
            raise BundleError(
                f"control {control.kind} has an axis of {len(control.axis.values)} values for {control.groups[0].channels} channels, "
                f"expected one rising value for each channel after the presence; {_AGAIN}"
            )
        if control.source == "accompaniment":
            sizes, cutoff = [group.channels for group in control.groups], control.cutoff or 0
            if sizes != [1, model.latent_channels]:
                raise BundleError(f"control {control.kind} has groups of {sizes} channels, expected [1, {model.latent_channels}]; {_AGAIN}")
            lowest = model.context if model.pattern == "block-causal" else 1
            if not lowest <= cutoff <= model.context + model.block or control.t_f != cutoff - model.context:
                raise BundleError(
                    f"control {control.kind} has cutoff {cutoff} and t_f {control.t_f}, expected a cutoff from {lowest} to "
                    f"{model.context + model.block} and t_f {cutoff - model.context}; {_AGAIN}"
                )


_AGAIN = "export the checkpoint again with lmdm export"
