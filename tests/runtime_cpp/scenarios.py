"""One scenario for both runtimes: a rollout with prompt changes and mixes, in C++ by `lmdm-validate --play`, in Python by a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.scenario import build_timeline, random_embedding
from lmdm_runtime import Bundle, Session
from lmdm_runtime.backends.onnxruntime import OrtOptions
from lmdm_runtime.settings import Tuning
from tests.runtime_cpp.programs import run

Array = NDArray[np.float32]
Mix = list[tuple[str, float]]


@dataclass(frozen=True)
class Scenario:
    """What both runtimes play; audio is [channels, samples], controls [channels, frames]."""

    bundle: Bundle
    blocks: int
    timeline: Mapping[int, Mix]
    seed: int = 11
    settings: Mapping[str, Any] = field(default_factory=dict)
    tunings: Mapping[int, Tuning] = field(default_factory=dict)
    strengths: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    controls: Mapping[str, Array] = field(default_factory=dict)
    embeddings: Mapping[str, Array] = field(default_factory=dict)
    sketch: Array | None = None
    smoothing: int = 1
    accompaniment: Array | None = None
    prime: Array | None = None

    def later(self) -> Scenario:
        """Every prompt change comes one block too late."""
        return replace(self, timeline={block + (block > 0): mix for block, mix in self.timeline.items()})


def steered(bundle: Bundle, blocks: int, *, primed: bool = False, **settings: Any) -> Scenario:
    """Prompt changes and mixes over so many blocks, and something for every control that the bundle takes."""
    manifest, timeline = bundle.manifest, build_timeline(blocks)
    random = np.random.default_rng(blocks)
    size = manifest.model.block * manifest.codec.frame_size
    made = Scenario(bundle, blocks, timeline, settings=settings)
    if manifest.text is None:
        prompts = {prompt for mix in timeline.values() for prompt, _ in mix}
        sizes = manifest.model.text_tokens, manifest.model.text_width
        made = replace(made, embeddings={prompt: random_embedding(prompt, *sizes)[0] for prompt in sorted(prompts)})
    callers = [group for control in manifest.controls if control.source == "caller" for group in control.groups]
    frames = blocks * manifest.model.block - 1
    made = replace(made, controls={g.name: random.uniform(-1, 1, (g.channels, frames)).astype(np.float32) for g in callers})
    sources = {control.source for control in manifest.controls}
    if "sketch" in sources:
        # It ends before the music does, so that silence is followed too.
        made = replace(made, sketch=noisy(random, manifest.codec.audio_channels, (blocks - 3) * size + 5))
        made = replace(made, smoothing=manifest.sketch.medians[-1] if manifest.sketch else 1)
    if "accompaniment" in sources:
        ahead = (blocks + 2) * size + (manifest.model.context + manifest.codec.encoder.right) * manifest.codec.frame_size
        made = replace(made, accompaniment=noisy(random, manifest.codec.audio_channels, ahead))
    if primed:
        made = replace(made, prime=noisy(random, manifest.codec.audio_channels, 3 * size + 1))
    return made


def noisy(random: np.random.Generator, channels: int, samples: int) -> Array:
    """A swelling tone under noise."""
    t = np.arange(samples)
    return (0.3 * np.sin(0.05 * t) * np.sin(0.0007 * t) + 0.05 * random.standard_normal((channels, samples))).astype(np.float32)


def played_in_python(scenario: Scenario) -> tuple[Array, Array]:
    """Clean blocks [blocks, C, o] and audio [blocks, channels, samples]."""
    session = Session(scenario.bundle, scenario.seed, options=OrtOptions(threads=1), **scenario.settings)
    for prompt, embedding in scenario.embeddings.items():
        session.set_embedding(prompt, embedding)
    for name, values in scenario.controls.items():
        session.set_control(name, values)
    if scenario.sketch is not None:
        session.sketch.choose(tuple(session.sketch.groups), scenario.smoothing)
        session.sketch.feed(scenario.sketch)
    if scenario.accompaniment is not None:
        session.accompaniment.feed(scenario.accompaniment)
    if scenario.prime is not None:
        session.prime(scenario.prime)
    latents, audio = [], []
    for block in range(scenario.blocks):
        if block in scenario.timeline:
            session.set_prompts(scenario.timeline[block])
        session.tune(**scenario.tunings.get(block, {}))
        for kind, strength in scenario.strengths.get(block, {}).items():
            session.sketch.set_strength(kind, strength)
        audio.append(session.next_block())
        assert session.latent_block is not None
        latents.append(session.latent_block[0])
    return np.stack(latents), np.stack(audio)


def played_in_cpp(scenario: Scenario, folder: Path) -> tuple[Array, Array]:
    """The same from `lmdm-validate --play`; files go to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    latents, audio = folder / "latents.f32", folder / "audio.f32"
    document = write(scenario, folder)
    run("lmdm-validate", scenario.bundle.folder, "--play", document, "--latents", latents, "--audio", audio, "--threads", 1)
    manifest = scenario.bundle.manifest
    model, shape = manifest.model, (scenario.blocks, manifest.codec.audio_channels, -1)
    samples = scenario.blocks * manifest.codec.audio_channels * model.block * manifest.codec.frame_size
    # What `prime` made is heard before the blocks.
    blocks = np.fromfile(audio, "<f4")[-samples:].reshape(shape)
    return np.fromfile(latents, "<f4").reshape(scenario.blocks, model.latent_channels, model.block), blocks


def write(scenario: Scenario, folder: Path) -> Path:
    """The scenario as a file for `lmdm-validate --play`, with its arrays beside it."""

    def stored(name: str, values: Array) -> str:
        values.astype("<f4").tofile(folder / name)
        return name

    document: dict[str, Any] = {"blocks": scenario.blocks, "seed": scenario.seed, **scenario.settings}
    document["timeline"] = sorted(scenario.timeline.items())
    document["tunings"] = sorted(scenario.tunings.items())
    document["strengths"] = sorted(scenario.strengths.items())
    document["embeddings"] = {prompt: stored(f"embedding-{i}.f32", v) for i, (prompt, v) in enumerate(scenario.embeddings.items())}
    document["controls"] = {
        name: {"file": stored(f"control-{name}.f32", values), "frames": values.shape[1]} for name, values in scenario.controls.items()
    }
    if scenario.sketch is not None:
        kinds = [control.kind for control in scenario.bundle.manifest.controls if control.source == "sketch"]
        document["sketch"] = {"file": stored("sketch.f32", scenario.sketch), "controls": kinds, "smoothing": scenario.smoothing}
    if scenario.accompaniment is not None:
        document["accompaniment"] = stored("accompaniment.f32", scenario.accompaniment)
    if scenario.prime is not None:
        document["prime"] = stored("prime.f32", scenario.prime)
    path = folder / "scenario.json"
    path.write_text(json.dumps(document))
    return path
