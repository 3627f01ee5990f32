"""Peers: programs that do the same job with the same weights. Each runs in a process of its own; see `benchmarks.worker`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from lmdm_runtime.backends import ENGINES

MASKED = "torch, no cache"
CACHED = "torch, cached"
COMPILED = "torch.compile"
RUNTIME = "onnxruntime"
STABLE_AUDIO_TOOLS = "stable-audio-tools"


@dataclass(frozen=True)
class PeerEntry:
    """`target` is "module:class" of a `Peer`; `options` are what it takes beside the job. `exact`: held to the rounding of float32."""

    target: str
    options: dict[str, Any]
    exact: bool = True


def peer_table(
    engines: tuple[str, ...] = (), variants: dict[str, str] | None = None, fused: bool = False, stable_audio_tools: str | None = None
) -> dict[str, PeerEntry]:
    """Every peer of a run by name, in the order of their turns.

    Args:
        engines: backends of the runtime beside ONNX Runtime.
        variants: folders of bundles in another precision, by name.
        fused: whether the bundle has graphs with fused operators, which ONNX Runtime then also runs without.
        stable_audio_tools: folder in which that package lies.
    """
    torch_peers = "benchmarks.peers.torch_peers"
    runtime = "benchmarks.peers.runtime:RuntimePeer"
    table = {
        MASKED: PeerEntry(f"{torch_peers}:MaskedPeer", {}),
        CACHED: PeerEntry(f"{torch_peers}:CachedPeer", {}),
        COMPILED: PeerEntry(f"{torch_peers}:CompiledPeer", {}),
        RUNTIME: PeerEntry(runtime, {"engine": "onnxruntime"}),
    }
    if fused:
        table[f"{RUNTIME}, not fused"] = PeerEntry(runtime, {"engine": "onnxruntime", "plain": True})
    for name, folder in (variants or {}).items():
        table[f"{RUNTIME} {name}"] = PeerEntry(runtime, {"engine": "onnxruntime", "variant": folder}, exact=False)
    for engine in engines:
        table[engine] = PeerEntry(runtime, {"engine": engine}, exact=engine not in ENGINES or not ENGINES[engine].rounds)
    if stable_audio_tools is not None:
        table[STABLE_AUDIO_TOOLS] = PeerEntry("benchmarks.peers.stable_audio_tools:StableAudioToolsPeer", {"path": stable_audio_tools})
    return table


def load_target(target: str) -> Any:
    """The class behind "module:class"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
