"""What runs OpenVINO for the tests, in a process of its own: `python -m tests.runtime.openvino_child CASE BUNDLE [OUTPUT]`.

Prints one line of JSON, or the sentence of the error with status 1. A fault of a foreign library ends this process and not the tests.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import numpy as np

from lmdm_runtime.backends import make_backend
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.errors import LmdmError, RuntimeFault
from lmdm_runtime.session import Session

PAD, JAZZ, PIANO = "slow ambient pad", "jazz trio", "Piano and strings"
TIMELINE = {0: [(PAD, 1.0)], 4: [(JAZZ, 1.0)], 7: [(JAZZ, 3.0), (PIANO, 2.0)], 9: [(JAZZ, 2.0), (PIANO, 3.0)]}
BLOCKS = 12
THREADS = 2


def opened(bundle: Path, engine: str = "openvino", threads: int | None = THREADS) -> tuple[Session, Backend]:
    loaded = load_bundle(bundle)
    backend = make_backend(engine, loaded, threads)
    return Session(loaded, backend=backend), backend


def played(session: Session, blocks: int = BLOCKS) -> dict[str, np.ndarray]:
    latents, audio = [], []
    for block in range(blocks):
        if block in TIMELINE:
            session.set_prompts(TIMELINE[block])
        audio.append(session.next_block())
        latents.append(session.latent_block)
    return {"latents": np.concatenate(latents, axis=2), "audio": np.concatenate(audio, axis=1)}


def play(bundle: Path, output: Path, engine: str) -> object:
    session, backend = opened(bundle, engine)
    np.savez(output, **played(session))
    return {"engine": backend.name, "precision": backend.precision}


def play_in_another_thread(bundle: Path, output: Path) -> object:
    session, _ = opened(bundle)
    made: list[dict[str, np.ndarray]] = []
    thread = threading.Thread(target=lambda: made.append(played(session)))
    thread.start()
    thread.join()
    np.savez(output, **made[0])
    return {"threads": 1}


def bind_in_two_threads(bundle: Path) -> object:
    """One binding from two threads at once: every run either works or is refused in a sentence."""
    _, backend = opened(bundle)
    entry = load_bundle(bundle).manifest.graphs["cached_decoder"]
    buffers = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
    binding = backend.bind("cached_decoder", buffers)
    refused: set[str] = set()
    ran = []

    def work() -> None:
        for _ in range(3000):
            try:
                binding.run()
                ran.append(1)
            except RuntimeFault as fault:
                refused.add(str(fault))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"ran": len(ran), "refused": sorted(refused)}


def addresses(bundle: Path) -> object:
    """Where each graph reads and writes: in its request, and in its buffers."""
    from lmdm_runtime.backends.openvino import OpenVinoBinding

    runs, run = [], OpenVinoBinding.run

    def watched(self: OpenVinoBinding) -> None:
        run(self)
        buffers = {**self.inputs, **self.outputs}
        used = {name: self._request.get_tensor(name).data.ctypes.data for name in buffers}
        bound = {name: buffer.address for name, buffer in buffers.items()}
        runs.append({"graph": self.graph, "used": used, "bound": bound, "inputs": sorted(self.inputs)})

    OpenVinoBinding.run = watched  # type: ignore[method-assign]
    session, _ = opened(bundle)
    played(session, 6)
    return runs


def settings(bundle: Path) -> object:
    """What OpenVINO says that it compiled each graph with."""
    report = {}
    for engine in ("openvino", "openvino-bf16"):
        session, backend = opened(bundle, engine)
        played(session, 1)
        names = ("INFERENCE_PRECISION_HINT", "INFERENCE_NUM_THREADS", "NUM_STREAMS", "ENABLE_CPU_PINNING", "CPU_DENORMALS_OPTIMIZATION")
        report[engine] = {
            graph: {name: _plain(compiled.get_property(name)) for name in names}
            for graph, compiled in backend._compiled.items()  # type: ignore[attr-defined]
        }
    return report


def poisoned(bundle: Path) -> object:
    """A session that played, whose cross-attention keys then hold NaN."""
    session, _ = opened(bundle)
    session.set_prompt(PAD)
    session.next_block()
    buffer = session._conditioning.buffers["cross_k_00"]
    buffer.write(np.full_like(buffer.read(), np.nan))
    session.next_block()
    return {}


def _plain(value: object) -> object:
    return value if isinstance(value, int | bool) else getattr(value, "to_string", lambda: str(value))()


CASES = {
    "play": lambda bundle, output: play(bundle, output, "openvino"),
    "play-bf16": lambda bundle, output: play(bundle, output, "openvino-bf16"),
    "other-thread": play_in_another_thread,
    "two-threads": lambda bundle, output: bind_in_two_threads(bundle),
    "addresses": lambda bundle, output: addresses(bundle),
    "settings": lambda bundle, output: settings(bundle),
    "poisoned": lambda bundle, output: poisoned(bundle),
}

if __name__ == "__main__":
    case, *paths = sys.argv[1:]
    bundle, output = (*map(Path, paths), Path())[:2]
    try:
        print(json.dumps(CASES[case](bundle, output)))
    except LmdmError as refusal:
        print(f"{type(refusal).__name__}: {refusal}")
        sys.exit(1)
