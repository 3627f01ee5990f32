"""The graphs of a bundle: one small module for each, with named inputs and outputs of fixed shape."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lmdm_export.errors import ExportError
from lmdm_export.graphs.cached_decoder import cached_decoder
from lmdm_export.graphs.codec import CodecGraphs, codec_graphs
from lmdm_export.graphs.conditioning import conditioner, text_encoder
from lmdm_export.graphs.context_encoder import context_encoder
from lmdm_export.graphs.fused import fused
from lmdm_export.graphs.prepare import prepared
from lmdm_export.graphs.sketch import sketch_graph
from lmdm_export.graphs.spec import GraphSpec
from lmdm_train.config import InstrumentConfig
from lmdm_train.control import AccompanimentControl
from lmdm_train.model.instrument import Instrument
from lmdm_train.sampling.guidance import Guidance

__all__ = ["CodecGraphs", "GraphSpec", "InstrumentGraphs", "build_graphs", "require_exportable"]


@dataclass(frozen=True)
class InstrumentGraphs:
    """Every graph of an instrument in the order of a block's life, how its codec streams, and the first values of every state that a
    graph carries by itself (by graph, then by input name). `fused` are some of the graphs once more, for tracing alone (see `fused.py`)."""

    graphs: tuple[GraphSpec, ...]
    fused: tuple[GraphSpec, ...]
    codec: CodecGraphs
    batch: int
    states: dict[str, dict[str, Tensor]]

    def __getitem__(self, name: str) -> GraphSpec:
        return next(graph for graph in self.graphs if graph.name == name)


def require_exportable(config: InstrumentConfig) -> None:
    """Refuse a configuration that has no cached form.

    Raises:
        ExportError: the pattern is bidirectional, the network has no additive input for clean frames, its target sees no context, or its
            accompaniment changes under frames that are cached.
    """
    if config.pattern.kind == "bidirectional":
        raise ExportError(
            f"{config.name} is bidirectional, so its context cannot be cached; fine-tune it to encoder-decoder or block-causal first"
        )
    if "inpaint_masked_input" not in {group.name for group in config.dit.additive}:
        raise ExportError(
            f"{config.name} has no additive input inpaint_masked_input, so it cannot take a clean context; "
            "use a fine-tuned LMDM checkpoint, or import a base model with --fresh-additive and fine-tune it"
        )
    if config.pattern.kind == "block-causal" and config.pattern.window_chunks < 2:
        chunks = config.pattern.window_chunks
        raise ExportError(f"{config.name} has window_chunks {chunks}, so its target sees no context; expected 2 or more")
    hidden = [control.cutoff for control in config.controls if isinstance(control, AccompanimentControl)]
    if config.pattern.kind == "block-causal" and hidden and hidden[0] < config.layout.context:
        raise ExportError(
            f"{config.name} is block-causal and its accompaniment ends at frame {hidden[0]} of a context of {config.layout.context}, so "
            "cached frames would change as they slide past it, which no bundle handles; train it with a cutoff of "
            f"{config.layout.context} or more, or as encoder-decoder"
        )
    if config.dit.global_token == "first":
        raise ExportError(f"{config.name} has its global token first, the cached form needs it last; use an LMDM checkpoint")


def build_graphs(instrument: Instrument, fade: int | None = None) -> InstrumentGraphs:
    """All graphs of an instrument; `fade` as in `codec_graphs`.

    Raises:
        ExportError: the configuration cannot be exported as asked.
    """
    config = instrument.config
    require_exportable(config)
    traced = prepared(instrument)
    guidance = Guidance(config.sampling.guidance, config.sampling.guidance_scale)
    batch = guidance.copies
    codec = codec_graphs(traced.codec, config.layout.block, fade)
    text = [text_encoder(traced)] if config.text.kind != "none" else []
    network = [conditioner(traced, guidance), context_encoder(traced, batch), cached_decoder(traced, batch)]
    contrib = fused(traced)
    sketch = sketch_graph(config, next(traced.parameters()).dtype)
    states = codec.states if sketch is None else {**codec.states, "sketch": sketch[1]}
    drawn = [] if sketch is None else [sketch[0]]
    graphs = (*text, *drawn, *network, codec.encoder, codec.decoder)
    return InstrumentGraphs(graphs, (context_encoder(contrib, batch), cached_decoder(contrib, batch)), codec, batch, states)
