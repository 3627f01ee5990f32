"""`lmdm train`: runs, resumes, dry runs and refusals as a person meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from lmdm_train.codec.files import load_codec, save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.engine import folder as folder_module
from lmdm_train.engine.schedule import Constant
from lmdm_train.errors import LmdmTrainError
from lmdm_train.stages.cli import train
from lmdm_train.stages.codec import CodecConfig, build_stage
from lmdm_train.stages.run import STAGES
from tests.train.engine_stages import left_behind

REPO = Path(__file__).resolve().parents[2]
SMALL_CODEC = {"hidden": 16, "latent_channels": 4, "highest_hz": 500.0, "noise_bands": 4}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(folder_module, "_sync", lambda path: None)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A stage of two small networks behind `lmdm train base`, and a file that configures it."""
    monkeypatch.setitem(STAGES, "base", ("tests.train.engine_stages", "TinyConfig"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tiny.toml"
    file.write_text("[run]\nsteps = 6\nbatch = 3\nsave_every = 2\nema = 0.9\ntensorboard = false\naccelerator = 'cpu'\n")
    return file


def invoke(*words: object):
    return CliRunner().invoke(train, [str(word) for word in words], standalone_mode=False)


def test_a_run_in_one_line_and_its_resumption(tiny, tmp_path):
    done = invoke("base", tiny, "--json")
    facts = json.loads(done.stdout)
    assert (facts["step"], facts["stopped_by"]) == (6, None)
    assert facts["product"] == "runs/tiny/tiny.safetensors"
    config = json.loads((tmp_path / "runs/tiny/config.json").read_text())
    assert (config["stage"], config["config"]["run"]["seed"]) == ("base", 0)
    longer = invoke("base", tiny, "--set", "run.steps=8", "--resume")
    assert "step 8 of 8" in longer.stdout
    by_folder = invoke("base", "-o", "runs/tiny", "--set", "run.steps=9", "--resume")
    assert "step 9 of 9" in by_folder.stdout
    absent = invoke("base", "-o", "runs/other", "--resume")
    assert str(absent.exception) == "runs/other holds no run to go on with; leave out --resume to start one"
    again = invoke("base", tiny)
    assert isinstance(again.exception, LmdmTrainError)
    assert "--resume" in str(again.exception)


def test_a_dry_run_writes_nothing_and_says_what_it_would(tiny, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    told = invoke("base", tiny, "--dry-run", "-o", "runs/a").stdout
    for word in ("M parameters", "memory peak", "s a step", "to come", "runs/a/a.safetensors", "runs/a/state", "nothing was written"):
        assert word in told
    facts = json.loads(invoke("base", tiny, "--dry-run", "--json").stdout)
    assert facts["items_a_step"] == 3
    assert facts["seconds_to_come"] > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_every_stage_teaches_itself_with_an_example():
    for stage in STAGES:
        told = CliRunner().invoke(train, [stage, "--help"]).stdout
        assert f"Example:  lmdm train {stage}" in told
        assert "--dry-run" in told


def sweep(folder: Path, seconds: float, rate: int = 44_100) -> None:
    t = np.arange(int(seconds * rate)) / rate
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "sweep.wav", 0.3 * np.sin(2 * np.pi * (110 * t + 40 * t**2)), rate)


def codec_config(music: Path, **training: object) -> CodecConfig:
    return CodecConfig.model_validate(
        {
            "run": {"steps": 4, "batch": 2, "tensorboard": False, "accelerator": "cpu"},
            "training": {"music": music, "frames": 12, **training},
            "codec": SMALL_CODEC,
        }
    )


def test_the_codec_stage_learns_and_its_demo_can_be_heard_and_seen(tmp_path):
    from lmdm_train.engine.launch import launch
    from lmdm_train.engine.loop import Loop

    sweep(tmp_path / "music", 1.5)
    config = codec_config(tmp_path / "music", learning_rate=2e-2)
    torch.manual_seed(0)
    stage = build_stage(config)
    loop = Loop(launch(config.run), stage, config.run.model_copy(update={"schedule": Constant()}))
    losses = [loop.advance().losses["distance"] for _ in range(9)]
    assert sum(losses[-3:]) < 0.85 * sum(losses[:3])
    stage.demo(tmp_path, None)
    assert soundfile.info(tmp_path / "coded.wav").samplerate == 44_100
    stage.save(tmp_path / "codec.safetensors", None)
    assert load_codec(tmp_path / "codec.safetensors").config == stage.codec.config


def test_a_frozen_encoder_keeps_every_frame_while_the_decoder_learns(tmp_path):
    from lmdm_train.engine.launch import launch
    from lmdm_train.engine.loop import Loop

    sweep(tmp_path / "music", 1.5)
    torch.manual_seed(1)
    codec = SpectralCodec(SpectralConfig.model_validate(SMALL_CODEC))
    save_codec(tmp_path / "codec.safetensors", codec)
    audio = torch.randn(1, 1, 20 * 2048) * 0.1
    before = codec.eval().encode(audio)

    def trained(**training: object) -> SpectralCodec:
        config = codec_config(tmp_path / "music", init=tmp_path / "codec.safetensors", **training)
        stage = build_stage(config)
        loop = Loop(launch(config.run), stage, config.run)
        for _ in range(3):
            loop.advance()
        return stage.codec.eval()

    frozen, free = trained(freeze_encoder=True), trained()
    assert torch.equal(frozen.encode(audio), before)
    assert not torch.equal(frozen.decoder_out.weight, codec.decoder_out.weight)
    assert not torch.equal(free.encode(audio), before)


def test_music_that_is_too_short_and_a_codec_of_another_kind_are_refused(tmp_path):
    sweep(tmp_path / "music", 0.3)
    with pytest.raises(LmdmTrainError, match=r"holds no readable recording of 12 frames \(0\.6 s\)"):
        build_stage(codec_config(tmp_path / "music"))
    save_codec(tmp_path / "codec.safetensors", SpectralCodec(SpectralConfig.model_validate({**SMALL_CODEC, "hidden": 8})))
    with pytest.raises(LmdmTrainError, match="the configuration asks for"):
        build_stage(codec_config(tmp_path / "music", init=tmp_path / "codec.safetensors"))


def command(folder: Path, output: Path, *changes: str) -> list[str]:
    """A real `lmdm train codec` on `folder / music`."""
    sets = [f"codec.{key}={value}" for key, value in SMALL_CODEC.items()]
    sets += [f"training.music={folder / 'music'}", "training.frames=12", "run.batch=2", "run.save_every=7", "run.demo_every=0"]
    sets += ["run.ema=0.9", "run.tensorboard=false", "run.accelerator=cpu", *changes]
    words = [sys.executable, "-m", "lmdm_runtime.cli", "train", "codec", "-o", str(output)]
    return words + [word for one in sets for word in ("--set", one)]


def start(words: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{REPO}:{REPO / 'runtime_py'}"}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(words: list[str]) -> str:
    """Standard output of a command that succeeds."""
    running = start(words)
    told, complaints = running.communicate()
    assert running.returncode == 0, complaints
    return told


@pytest.mark.heavy
def test_a_real_run_that_is_killed_and_terminated_ends_as_the_unbroken_one(tmp_path):
    sweep(tmp_path / "music", 3)
    whole, broken = tmp_path / "a" / "x", tmp_path / "b" / "x"
    finish(command(tmp_path, whole, "run.steps=60"))
    resume: list[str] = []
    for number, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)):
        before = set(broken.glob("state/step-*"))
        running = start([*command(tmp_path, broken, "run.steps=60"), *resume])
        while running.poll() is None and set(broken.glob("state/step-*")) == before:
            time.sleep(0.01)
        running.send_signal(number)
        _, complaints = running.communicate()
        assert running.returncode == status, complaints
        resume = ["--resume"]
    assert "--resume" in complaints
    finish([*command(tmp_path, broken, "run.steps=60"), *resume])
    assert left_behind(broken) == left_behind(whole)


@pytest.mark.heavy
@pytest.mark.parametrize("launcher", ["devices", "torchrun"])
def test_two_processes_agree_with_accumulation(tmp_path, launcher):
    sweep(tmp_path / "music", 3)

    def weights(name: str, *changes: str, before: tuple[str, ...] = ()) -> torch.Tensor:
        # A decoder alone, since moments of normalisation belong to a micro-batch.
        words = command(tmp_path, tmp_path / name, "run.steps=3", "run.schedule.warm_up=0", "training.freeze_encoder=true", *changes)
        assert "step 3 of 3" in finish([*words[:1], *before, *words[1:]])
        return load_codec(tmp_path / name / f"{name}.safetensors").decoder_out.weight.detach()

    if launcher == "devices":
        pair = weights("pair", "run.devices=2")
    else:
        pair = weights("pair", before=("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"))
    one, half = weights("one", "run.accumulate=2"), weights("half")
    assert float((pair - one).abs().max()) < 2e-5
    assert float((pair - half).abs().max()) > 1e-4
