"""Writes the tiny bundle of each pattern, with a sketch, at a rate that a host can have: write_bundles.py FOLDER."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.runtime.tiny_sketch import sketched_tiny

SAMPLE_RATE = 8000


def write(folder: Path) -> None:
    for pattern in ("encoder-decoder", "block-causal"):
        bundle = folder / pattern
        shutil.rmtree(bundle, ignore_errors=True)
        sketched_tiny(bundle, pattern)
        manifest = bundle / "manifest.json"
        document = json.loads(manifest.read_text())
        document["codec"]["sample_rate"] = SAMPLE_RATE
        manifest.write_text(json.dumps(document))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
