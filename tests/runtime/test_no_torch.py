"""The runtime plays a bundle in a process in which torch, the training room and the export room do not exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.runtime.conftest import Tiny

SCRIPT = """
import sys

BLOCKED = {"torch", "lmdm_train", "lmdm_export", "onnx", "transformers", "safetensors", "pydantic", "scipy", "matplotlib"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
import lmdm_runtime
assert "onnxruntime" not in sys.modules, "the package alone must not load ONNX Runtime"
session = lmdm_runtime.Session(lmdm_runtime.load_bundle(sys.argv[1]))
session.set_prompts([("jazz trio", 0.5), ("piano", 0.5)])
audio = [session.next_block() for _ in range(3)]
assert all(a.shape == (1, session.block_samples) for a in audio)
assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
print("played")
"""


def test_plays_where_torch_does_not_exist(causal: Tiny):
    runtime = Path(__file__).resolve().parents[2] / "runtime_py"
    made = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(runtime)!r})\n{SCRIPT}", str(causal.folder)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == "played"
