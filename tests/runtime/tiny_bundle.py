"""Writes the bundle of the tiny model: graphs by hand, a real tokenizer, one file of weights and an honest manifest."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import sentencepiece

from tests.runtime.tiny_graphs import GraphWriter, Weights
from tests.runtime.tiny_model import Sizes, TinyModel

VOCABULARY = 40
Ports = dict[str, tuple[tuple[int, ...], str]]


def train_tokenizer() -> bytes:
    """A sentencepiece model with pad 0 and end of sentence 1."""
    text = ["slow ambient pad", "fast techno with drums", "jazz trio and walking bass", "piano and strings"] * 4
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=made,
        vocab_size=VOCABULARY,
        model_type="bpe",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return made.getvalue()


def write_tiny_bundle(folder: Path, sizes: Sizes | None = None, *, codec: str = "state", **changes: object) -> TinyModel:
    """Writes the bundle and returns the model that answers for it.

    Args:
        codec: `state`, `context` (exact look-ahead) or `fade`.
        changes: entries of the manifest's `sampling` to replace.
    """
    sizes = sizes or Sizes()
    model, weights = TinyModel(sizes, VOCABULARY), Weights()
    graphs = [text_encoder(model, weights), conditioner(model, weights), context_encoder(model, weights), cached_decoder(model, weights)]
    graphs += [codec_encoder(model, weights), codec_decoder(model, weights, codec)]
    entries = {graph.name: graph.write(folder) for graph in graphs}
    (folder / "graphs" / "weights.bin").write_bytes(bytes(weights.data))
    (folder / "tokenizer.model").write_bytes(train_tokenizer())
    decoder = {"kind": "context", "left": sizes.left, "right": 1, "delay": sizes.delay, "fade": sizes.delay if codec == "fade" else 0}
    encoder = {"kind": "state", "left": 0, "right": 0, "delay": 0, "fade": 0}
    if codec == "state":
        (folder / "states").mkdir(exist_ok=True)
        np.savez(folder / "states" / "codec_decoder.npz", state_tail=np.full((1, 1), 0.25, np.float32))
        decoder = {**encoder, "states": "states/codec_decoder.npz"}
    causal = sizes.pattern == "block-causal"
    manifest = {
        "format_version": 3,
        "name": "tiny",
        "created_with": {"command": "tests"},
        "checkpoint": {"name": "tiny", "sha256": "0" * 64},
        "model": {
            "pattern": sizes.pattern,
            "context": sizes.context,
            "block": sizes.block,
            "window_chunks": sizes.window_chunks if causal else None,
            "latent_channels": sizes.channels,
            "width": sizes.width,
            "depth": sizes.depth,
            "heads": sizes.heads,
            "head_width": sizes.head_width,
            "rotary_inv_freq": [1.0],
            "text_tokens": sizes.text_tokens,
            "text_width": sizes.text_width,
            "batch": 2,
            "parameters": 100,
        },
        "codec": {
            "kind": "tiny",
            "sample_rate": 16,
            "audio_channels": 1,
            "frame_size": sizes.frame_size,
            "encoder": {"streaming": encoder},
            "decoder": {"streaming": decoder},
        },
        "text": {"kind": "small", "tokenizer": "tokenizer.model", "tokens": sizes.text_tokens, "lowercase": True},
        "sampling": {
            "solver": "euler",
            "schedule": [1.0, 0.6, 0.25, 0.0],
            "guidance": "cfg",
            "guidance_scale": 1.5,
            "context_drop": 3,
            "seconds_total": 2.0,
            **changes,
        },
        "controls": [{"kind": "loudness", "source": "caller", "groups": [{"name": "loudness", "channels": 1}]}],
        "sketch": None,
        "graphs": entries,
        "files": [],
        "fixtures": {},
    }
    seal(folder, manifest)
    return model


def seal(folder: Path, manifest: dict) -> None:
    """Writes the manifest with the hashes of the files as they are now."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    digests = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    manifest["files"] = [{"path": name, "sha256": digest, "bytes": (folder / name).stat().st_size} for name, digest in digests.items()]
    for entry in manifest["graphs"].values():
        entry["sha256"] = digests.get(entry["file"], "0" * 64)
        if "fused" in entry:
            entry["fused"]["sha256"] = digests.get(entry["fused"]["file"], "0" * 64)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def text_encoder(model: TinyModel, weights: Weights) -> GraphWriter:
    tokens = (1, model.sizes.text_tokens)
    g = GraphWriter("text_encoder", {"token_ids": (tokens, "int64"), "token_mask": (tokens, "float32")}, weights)
    looked_up = g.op("Gather", g.weight("table", model.table), "token_ids", axis=0)
    g.output(
        "embedding", g.op("Mul", looked_up, g.op("Unsqueeze", "token_mask", g.constant([2]))), (1, *tokens[1:], model.sizes.text_width)
    )
    return g


def conditioner(model: TinyModel, weights: Weights) -> GraphWriter:
    z = model.sizes
    g = GraphWriter("conditioner", {"embedding": ((1, z.text_tokens, z.text_width), "float32"), "seconds": ((1,), "float32")}, weights)
    pooled = g.op("ReduceMean", "embedding", g.constant([1]), keepdims=0)
    for name, weight in model.to_cross.items():
        part = g.op("Reshape", g.op("MatMul", pooled, g.weight(f"cross_{name}_weight", weight)), g.constant([1, *z.cross[1:]]))
        g.output(f"cross_{name}", g.op("Concat", part, g.op("Mul", part, g.constant(0.0, np.float32)), axis=0), z.cross)
    g.output(
        "global_embed", g.op("MatMul", g.op("Reshape", "seconds", g.constant([1, 1])), g.weight("global", model.to_global)), (1, z.width)
    )
    return g


def context_encoder(model: TinyModel, weights: Weights) -> GraphWriter:
    z = model.sizes
    causal = z.pattern == "block-causal"
    frames = z.block if causal else z.context
    inputs: Ports = {"context": ((1, z.channels, frames), "float32"), "control_loudness": ((1, 1, frames), "float32")}
    # The last layer's cross inputs are left out, as nothing depends on them.
    inputs |= {f"cross_{s}_{n:02d}": (z.cross, "float32") for s in "kv" for n in range(z.depth - 1)}
    if causal:
        inputs["past_frames"] = ((1,), "int64")
        inputs |= {f"{stem}_{n:02d}": (z.cached, "float32") for stem in ("raw_k", "self_v") for n in range(z.depth)}
    g = GraphWriter("context_encoder", inputs, weights)
    rows = g.op("Transpose", g.op("Add", "context", "control_loudness"), perm=[0, 2, 1])
    for name, weight in model.to_self.items():
        flat = g.op("MatMul", rows, g.weight(f"self_{name}_weight", weight))
        part = g.op("Transpose", g.op("Reshape", flat, g.constant([1, frames, z.heads, z.head_width])), perm=[0, 2, 1, 3])
        last = name.endswith(f"{z.depth - 1:02d}")
        both = g.constant(np.zeros((2, 1, 1, 1)), np.float32)
        part = g.op("Add", part, both if last else g.op("ReduceMean", f"cross_{name}", g.constant([2]), keepdims=1))
        places = g.weight("places", model.places)
        if not causal:
            g.output(f"self_{name}", g.op("Mul", part, places), z.cached)
            continue
        old = f"raw_{name}" if name.startswith("k") else f"self_{name}"
        age = g.constant(np.arange(z.context, 0, -1).reshape(1, 1, -1, 1))
        past = (z.window_chunks - 1) * z.block
        seen = g.op("And", g.op("LessOrEqual", age, "past_frames"), g.op("LessOrEqual", age, g.constant(past)))
        kept = g.op("ReduceSum", g.op("Mul", old, g.op("Cast", seen, to=1)), g.constant([2]), keepdims=1)
        part = g.op("Add", part, g.op("Mul", kept, g.constant(0.1, np.float32)))
        tail = g.op("Slice", old, g.constant([z.block]), g.constant([z.context]), g.constant([2]))
        slid = g.op("Concat", tail, part, axis=2)
        g.output(f"{old}_out", slid, z.cached)
        if name.startswith("k"):
            g.output(f"self_{name}", g.op("Mul", slid, places), z.cached)
    return g


def cached_decoder(model: TinyModel, weights: Weights) -> GraphWriter:
    z = model.sizes
    inputs: Ports = {"x": ((1, z.channels, z.block), "float32"), "t": ((1,), "float32"), "global_embed": ((1, z.width), "float32")}
    inputs["control_loudness"] = ((1, 1, z.block), "float32")
    inputs |= {f"cross_{s}_{n:02d}": (z.cross, "float32") for s in "kv" for n in range(z.depth)}
    inputs |= {f"self_{s}_{n:02d}": (z.cached, "float32") for s in "kv" for n in range(z.depth)}
    g = GraphWriter("cached_decoder", inputs, weights)
    total, axes = g.op("ReduceMean", "global_embed", keepdims=0), g.constant([1, 2, 3])
    total = g.op("Add", total, "control_loudness")

    def add(value: str) -> str:
        return g.op("Add", total, g.op("Reshape", value, g.constant([2, 1, 1])))

    for n in range(z.depth):
        product = g.op("Mul", g.op("Mul", f"self_k_{n:02d}", f"self_v_{n:02d}"), g.weight("places", model.places))
        total = add(g.op("ReduceMean", product, axes))
        total = add(g.op("Mul", g.op("ReduceMean", f"cross_k_{n:02d}", axes), g.constant(float(n + 1), np.float32)))
        total = add(g.op("ReduceMax", f"cross_v_{n:02d}", axes))
    bent = g.op("Mul", g.op("Tanh", total), g.weight("mixing", model.mixing))
    g.output("velocity", g.op("Add", g.op("Mul", "x", "t"), bent), (2, z.channels, z.block))
    return g


def codec_encoder(model: TinyModel, weights: Weights) -> GraphWriter:
    z = model.sizes
    last = (1, z.channels, 1)
    g = GraphWriter("codec_encoder", {"audio": ((1, 1, z.block * z.frame_size), "float32"), "state_last": (last, "float32")}, weights)
    rows = g.op("MatMul", g.op("Reshape", "audio", g.constant([1, z.block, z.frame_size])), g.weight("encoder", model.encoder))
    frames = g.op("Add", g.op("Transpose", rows, perm=[0, 2, 1]), g.op("Mul", "state_last", g.constant(0.5, np.float32)))
    g.output("frames", frames, (1, z.channels, z.block))
    g.output("state_last_out", g.op("Slice", frames, g.constant([z.block - 1]), g.constant([z.block]), g.constant([2])), last)
    return g


def codec_decoder(model: TinyModel, weights: Weights, codec: str) -> GraphWriter:
    z = model.sizes
    heard = z.block if codec == "state" else z.left + z.block + z.delay
    made = z.block + z.delay if codec == "fade" else z.block
    inputs: Ports = {"frames": ((1, z.channels, heard), "float32")}
    if codec == "state":
        inputs["state_tail"] = ((1, 1), "float32")
    g = GraphWriter("codec_decoder", inputs, weights)
    samples = made * z.frame_size
    if codec == "state":
        flat = g.op("MatMul", g.op("Transpose", "frames", perm=[0, 2, 1]), g.weight("decoder", model.decoder))
        audio = g.op("Add", g.op("Reshape", flat, g.constant([1, 1, samples])), g.op("Unsqueeze", "state_tail", g.constant([2])))
        tail = g.op("Slice", audio, g.constant([samples - 1]), g.constant([samples]), g.constant([2]))
        tail = g.op("Mul", g.op("Squeeze", tail, g.constant([2])), g.constant(0.5, np.float32))
        g.output("state_tail_out", tail, (1, 1))
    else:
        padded = g.op("Pad", "frames", g.constant([0, 0, 1, 0, 0, 1]))

        def shifted(by: int) -> str:
            return g.op("Slice", padded, g.constant([z.left + by]), g.constant([z.left + by + made]), g.constant([2]))

        smooth = g.op("Add", g.op("Mul", shifted(0), g.constant(0.5, np.float32)), shifted(1))
        smooth = g.op("Add", smooth, g.op("Mul", shifted(2), g.constant(0.25, np.float32)))
        flat = g.op("MatMul", g.op("Transpose", smooth, perm=[0, 2, 1]), g.weight("decoder", model.decoder))
        audio = g.op("Reshape", flat, g.constant([1, 1, samples]))
    g.output("audio", audio, (1, 1, samples))
    return g


FUSED_OFFSET = 1.0


def add_offset_as_fused(folder: Path, manifest: dict) -> None:
    """Give `cached_decoder` a fused file whose velocity is `FUSED_OFFSET` too large, so that whoever plays it is told apart."""
    import onnx

    entry = manifest["graphs"]["cached_decoder"]
    model = onnx.load(folder / entry["file"], load_external_data=False)
    for node in model.graph.node:
        node.output[:] = ["plain" if name == "velocity" else name for name in node.output]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(FUSED_OFFSET, np.float32), "offset"))
    model.graph.node.append(onnx.helper.make_node("Add", ["plain", "offset"], ["velocity"]))
    entry["fused"] = {"file": "graphs/cached_decoder.fused.onnx", "sha256": ""}
    (folder / entry["fused"]["file"]).write_bytes(model.SerializeToString())
