"""`lmdm train arc` from its files to its product, resumed on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.stages.cli import train
from tests.train.small_arc import trainable

CONFIG = """
stored = "float16"
[run]
steps = 6
batch = 2
save_every = 2
ema = 0.9
tensorboard = false
accelerator = "cpu"
schedule = { kind = "constant" }
[data]
path = "music"
[generator]
init = "fine.safetensors"
optimiser = { learning_rate = 1e-2 }
[discriminator]
backbone = "warm.safetensors"
[rollout]
blocks = 3
max_steps = 3
gradient = "recomputed"
[play]
steps = 2
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fine-tuned instrument, a backbone, four encoded items and a configuration, all in the present folder."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    for name, seed in (("fine", 1), ("warm", 2)):
        save_instrument(name, trainable("tiny-bc", seed))
    (tmp_path / "music").mkdir()
    for item in range(4):
        frames = np.random.default_rng(item).standard_normal((8, 40)).astype(np.float32)
        np.save(tmp_path / "music" / f"{item}.npy", frames)
        (tmp_path / "music" / f"{item}.json").write_text(json.dumps({"prompt": f"piece {item}", "sample_rate": 44100}))
    (tmp_path / "small.toml").write_text(CONFIG)
    return tmp_path


def invoke(*words: str):
    done = CliRunner().invoke(train, ["arc", "small.toml", *words, "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def test_a_run_and_its_resumption_end_alike(files: Path):
    assert invoke("-o", "whole")["step"] == 6
    invoke("-o", "broken", "--set", "run.steps=3")
    parts = [files / name / f"{name}.safetensors" for name in ("whole", "broken")]
    assert parts[0].read_bytes() != parts[1].read_bytes()
    invoke("-o", "broken", "--resume")
    assert parts[0].read_bytes() == parts[1].read_bytes()

    product, before = load_instrument(parts[0]), load_instrument("fine.safetensors")
    assert (product.config.sampling.solver, product.config.sampling.steps) == ("ping-pong", 2)
    assert product.config.dit == before.config.dit
    with torch.no_grad():
        assert max(float((a - b).abs().max()) for a, b in zip(product.dit.parameters(), before.dit.parameters(), strict=True)) > 1e-3
    assert all(torch.equal(a, b.half().float()) for a, b in zip(product.codec.parameters(), before.codec.parameters(), strict=True))


def test_a_dry_run_tells_both_players(files: Path):
    told = invoke("-o", "dry", "--dry-run")
    assert {"generator", "discriminator"} == set(told["parameters"]) == set(told["losses"])
    assert told["memory"] > 0
    assert not (files / "dry").exists()
