"""What is timed: one instrument as torch runs it and as its bundle runs in ONNX Runtime, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.floor import Work, context_work, masked_step_work, step_work
from benchmarks.timing import Subject
from lmdm_export.validate.reference import Reference
from lmdm_export.validate.scenario import Scenario, random_embedding
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.session import Session
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import visible_context
from lmdm_train.rollout import cached_blocks, outpainting
from lmdm_train.rollout.setup import Rollout

PROMPT = "slow ambient pad with soft piano"
MASKED = "torch, no cache"
CACHED = "torch, cached"
RUNTIME = "onnxruntime"


@dataclass(frozen=True)
class Stage:
    """Subjects that do the same job, and the least work that the job takes (None where nobody counted it)."""

    name: str
    subjects: dict[str, Subject]
    work: Work | None = None


@dataclass
class Pair:
    """An instrument in torch and its bundle in ONNX Runtime, both on `threads` threads."""

    instrument: Instrument
    bundle: Bundle
    threads: int

    def __post_init__(self) -> None:
        torch.set_num_threads(self.threads)
        manifest, config = self.bundle.manifest, self.instrument.config
        embeddings = {} if manifest.text is not None else {PROMPT: random_embedding(PROMPT, config.text.tokens, config.text.width)}
        still = {c.name: np.zeros((c.channels, config.layout.block), np.float32) for c in config.dit.controls}
        scenario = Scenario(1, {0: [(PROMPT, 1.0)]}, controls=still, embeddings=embeddings)
        reference = Reference(self.instrument, manifest.sampling.schedule, manifest.sampling.seconds_total or config.seconds_total)
        self.rollout: Rollout = reference.rollout(scenario, torch.float32)
        self.backend: Backend = OrtBackend(self.bundle, OrtOptions(threads=self.threads))
        self.session = Session(self.bundle, backend=self.backend)
        for prompt, embedding in embeddings.items():
            self.session.set_embedding(prompt, embedding)
        self.session.set_prompt(PROMPT)

    @classmethod
    def load(cls, bundle: Path, instrument: Instrument, threads: int) -> Pair:
        return cls(instrument, load_bundle(bundle), threads)

    def stages(self, masked: bool = True) -> list[Stage]:
        """A denoising step, the encoding of the context, a whole block of latents, and its decode; `masked` adds Algorithm 1."""
        dit, config = self.instrument.config.dit, self.instrument.config
        layout, batch, text = config.layout, self.bundle.manifest.model.batch, config.text.tokens + 1
        visible = visible_context(config.pattern, layout)
        step, context = self._torch_passes()
        causal = config.pattern.kind == "block-causal"
        frames = layout.block if causal else layout.context
        keys = config.pattern.window_chunks * layout.block if causal else layout.context
        cached, full = cached_blocks(self.rollout), outpainting(self.rollout)
        stages = [
            Stage("step", {CACHED: step, RUNTIME: self._graph("cached_decoder")}, step_work(dit, layout, visible, text, batch)),
            Stage("context", {CACHED: context, RUNTIME: self._graph("context_encoder")}, context_work(dit, frames, keys, text, batch)),
            Stage("block", {CACHED: lambda: next(cached), RUNTIME: self.session.next_latents}),
            Stage("decode", {CACHED: self._torch_decode(), RUNTIME: self._graph("codec_decoder")}),
        ]
        if masked:
            stages[0].subjects[MASKED] = self._masked_step()
            stages[2].subjects[MASKED] = lambda: next(full)
        return stages

    def masked_work(self) -> Work:
        """What a step costs that encodes the whole window again."""
        config = self.instrument.config
        return masked_step_work(config.dit, config.layout, config.text.tokens + 1, self.bundle.manifest.model.batch)

    def _graph(self, name: str) -> Subject:
        """One run of a graph on small random inputs, in buffers that stay bound."""
        entry = self.bundle.manifest.graphs[name]
        buffers: dict[str, Buffer] = {port.name: self.backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
        draw = np.random.default_rng(0)
        for port in entry.inputs:
            if port.name == "past_frames":
                buffers[port.name].write(np.array([self.bundle.manifest.model.context]))
            if port.dtype == "float32" and port.name != "state_clock":
                buffers[port.name].write(draw.standard_normal(port.shape, dtype=np.float32))
        return self.backend.bind(name, buffers).run

    def _torch_passes(self) -> tuple[Subject, Subject]:
        """One cached step and one context pass of the same rollout, on real tensors of its second block."""
        rollout = self.rollout
        condition, clean, _ = rollout.enter(0, None, None)
        c, additive = rollout.conditioning(condition), rollout.additive(0, clean)
        config = self.instrument.config
        s, o, dit = config.layout.context, config.layout.block, self.instrument.dit
        with torch.no_grad():
            raw = dit.encode_context(additive[..., :s], c, rollout.positions(1, s))
            visible = visible_context(config.pattern, config.layout)
            tail = tuple(type(kv)(kv.k[:, :, s - visible :], kv.v[:, :, s - visible :]) for kv in raw)
            network = rollout.decoder(dit.rotate(tail, rollout.positions(s - visible + 1, s)), c, additive)
        x = rollout.guidance.tile(rollout.noise(0, 0))
        t = torch.full((len(x),), 0.5)
        past = (config.pattern.window_chunks - 1) * o

        @torch.no_grad()
        def step() -> torch.Tensor:
            return network(x, t, None)

        @torch.no_grad()
        def window() -> object:
            return dit.rotate(dit.encode_context(additive[..., :s], c, rollout.positions(1, s)), rollout.positions(1, s))

        @torch.no_grad()
        def newest() -> object:
            before = [type(kv)(kv.k[:, :, s - past :], kv.v[:, :, s - past :]) for kv in raw]
            here, behind = rollout.positions(s - o + 1, s), rollout.positions(s - o - past + 1, s - o)
            dit.encode_context(additive[..., s - o : s], c, here, past=before, past_positions=behind)
            return dit.rotate(raw, rollout.positions(1, s))

        return step, newest if config.pattern.kind == "block-causal" else window

    def _masked_step(self) -> Subject:
        from lmdm_train.rollout.outpainting import masked_forward

        rollout = self.rollout
        condition, clean, _ = rollout.enter(0, None, None)
        network = masked_forward(rollout, 0, condition, clean, None)
        x = rollout.guidance.tile(rollout.noise(0, 0))
        t = torch.full((len(x),), 0.5)

        @torch.no_grad()
        def step() -> torch.Tensor:
            return network(x, t, None)

        return step

    def _torch_decode(self) -> Subject:
        """What the exported decoder does for one block: its frames with those around, or one step with carried state."""
        codec, shape = (
            self.instrument.codec,
            next(p for p in self.bundle.manifest.graphs["codec_decoder"].inputs if p.name == "frames").shape,
        )
        frames = torch.randn(shape)

        @torch.no_grad()
        def decode() -> object:
            if codec.streaming == "state":
                return codec.decode_step(frames, codec.decoder_state())  # type: ignore[operator]
            return codec.decode(frames)

        return decode


__all__ = ["CACHED", "MASKED", "RUNTIME", "Pair", "Stage"]
