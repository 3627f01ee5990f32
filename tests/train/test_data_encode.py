"""Encoding: what the codec makes of a whole recording, at any length and number of jobs, resumed to the same bytes; problems reported."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from lmdm_train.checkpoint.own import save_instrument
from lmdm_train.codec.files import save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.control.sketch import raw_features
from lmdm_train.data import encoder as encoder_module
from lmdm_train.data.cli import data
from lmdm_train.data.compose import compose
from lmdm_train.data.encode import EncodeSettings, encode_folder
from lmdm_train.data.encoder import Encoder, codec_hash, codec_of_checkpoint, same_analysis
from lmdm_train.data.music import find_tracks
from lmdm_train.data.render import find_soundfont, render
from lmdm_train.data.settings import DataSettings
from lmdm_train.data.source import open_source
from lmdm_train.errors import LmdmTrainError
from lmdm_train.presets import preset
from tests.small_instruments import small_instrument

RATE, FRAME = 44_100, 2048


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    save_codec(path, SpectralCodec(SpectralConfig(latent_channels=4, hidden=16)))
    return path


def noise(seed: int, seconds: float = 1.2) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(RATE * seconds))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two tracks with stems, loose files, and one file of every problem."""
    folder = tmp_path / "music"
    for index in range(2):
        track = folder / f"Track0000{index}"
        (track / "stems").mkdir(parents=True)
        stems = {f"S0{i}": noise(10 * index + i) for i in range(3)}
        stems["S03"] = np.zeros_like(stems["S00"])
        soundfile.write(track / "mix.flac", sum(stems.values()), RATE)
        for name, audio in stems.items():
            soundfile.write(track / "stems" / f"{name}.flac", audio, RATE)
        facts = {name: {"midi_program_name": f"instrument {name}", "inst_class": "lead"} for name in stems}
        (track / "metadata.json").write_text(json.dumps({"prompt": f"track {index}", "seed": 66 * index, "stems": facts}))
    for index in range(3):
        soundfile.write(folder / f"loose{index}.wav", noise(50 + index, 1.0 + index / 5), 32_000)
    soundfile.write(folder / "loud.wav", np.clip(30 * noise(1), -1, 1), RATE)
    soundfile.write(folder / "quiet.wav", np.zeros(RATE * 2), RATE)
    soundfile.write(folder / "blink.wav", noise(3, 0.01), RATE)
    (folder / "broken.flac").write_bytes(b"fLaC but not really")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in (".lock", "report.json")
    }


def run(*arguments: object) -> Result:
    return CliRunner().invoke(data, ["encode", *map(str, arguments)])


def test_the_command_encodes_and_reports(music: Path, codec_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(music, "-o", out, "--codec", codec_file, "--stems", "--jobs", 1, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["encoded"], report["kept"]) == (6, 0)
    assert {kind: [p["id"] for p in found] for kind, found in report["skipped"].items()} == {
        "corrupt": ["broken"],
        "silent": ["quiet"],
        "too short": ["blink"],
    }
    assert {kind: [p["id"] for p in found] for kind, found in report["noted"].items()} == {
        "clipped": ["loud"],
        "stems": ["Track00000", "Track00001"],
    }
    assert json.loads((out / "report.json").read_text())["skipped"] == report["skipped"]
    again = run(music, "-o", out, "--codec", codec_file, "--stems", "--jobs", 1)
    assert again.exit_code == 0
    assert "0 encoded, 6 kept" in again.stdout
    assert "1 clipped (encoded all the same): loud; see" in again.stdout
    source = open_source(DataSettings(path=out, target="stem", prompts="plain"), _config())
    assert [item.id for item in source.items] == ["Track00000"]
    assert [name for name, _ in source.items[0].stems] == ["S00", "S01", "S02"]
    assert [item.id for item in open_source(DataSettings(path=out, part="held-out"), _config()).items] == ["Track00001"]


def _config() -> Any:
    tiny = preset("tiny")
    return tiny.model_copy(update={"codec": SpectralConfig(latent_channels=4, hidden=16)})


def test_frames_and_features_are_those_of_the_whole_recording(music: Path, codec_file: Path, tmp_path: Path) -> None:
    encode_folder(music, EncodeSettings(tmp_path / "out", codec=codec_file, stems=True))
    encoder = Encoder.open(None, codec_file)
    read = {name: torch.from_numpy(soundfile.read(path, dtype="float32")[0]) for name, path in _track(music).items()}
    samples = len(read["mix"]) // FRAME * FRAME
    expected = {name: encoder.codec.encode(audio[None, None, :samples])[0].half() for name, audio in read.items()}
    tensors = load_file(tmp_path / "out/Track00000.safetensors")
    assert torch.equal(tensors["frames"], expected["mix"])
    assert torch.equal(tensors["stem.S01.frames"], expected["S01"])
    rest = encoder.codec.encode((read["S00"] + read["S02"])[None, None, :samples])[0].half()
    assert torch.equal(tensors["stem.S01.rest"], rest)
    assert not torch.equal(rest, expected["S01"])
    assert "stem.S03.frames" not in tensors
    config = preset("tiny-sketch").model_copy(
        update={"codec": SpectralConfig(latent_channels=4), "controls": tuple(encoder.sketches.values())}
    )
    features = raw_features(config, read["S01"][None, :samples])
    assert set(features) == {"pitch", "loudness"}
    for kind, value in features.items():
        assert torch.equal(tensors[f"stem.S01.features.{kind}"], value[0].half())
        assert not torch.equal(tensors[f"features.{kind}"], value[0].half())


def _track(music: Path) -> dict[str, Path]:
    track = music / "Track00000"
    return {"mix": track / "mix.flac"} | {path.stem: path for path in (track / "stems").glob("*.flac")}


@pytest.mark.parametrize("kind", ["spectral", "oobleck"])
def test_long_recordings_are_coded_in_pieces_without_a_seam(codec_file: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "spectral":
        encoder = Encoder.open(None, codec_file)
    else:
        encoder = Encoder(small_instrument("tiny").codec, preset("tiny-sketch").controls)  # type: ignore[arg-type]
    audio = torch.randn(1, 37 * encoder.codec.frame_size) * 0.1
    whole, features = encoder.codec.encode(audio[None])[0], encoder.features(audio)
    monkeypatch.setattr(encoder_module, "CHUNK", 8)
    assert (encoder.frames(audio) - whole).abs().max() < 1e-5 * whole.abs().max()
    for name, value in encoder.features(audio).items():
        assert (value - features[name]).abs().max() < 1e-3
    # The pieces do depend on what lies before them.
    size = 8 * encoder.codec.frame_size
    alone = torch.cat([encoder.codec.encode(audio[None, :, at : at + size])[0] for at in range(0, audio.shape[1], size)], dim=1)
    assert (alone - whole).abs().max() > 1e-3 * whole.abs().max()


def test_a_run_that_was_cut_short_anywhere_ends_in_the_same_files(music: Path, codec_file: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    encode_folder(music, EncodeSettings(whole, codec=codec_file))
    expected = files(whole)
    for state in ("temporary files", "no json", "half json", "other codec", "damaged mark"):
        out = tmp_path / state
        shutil.copytree(whole, out)
        facts = out / "loose1.json"
        if state == "temporary files":
            (out / ".loose1.safetensors.x1y2").write_bytes(b"half")
            (out / ".loose1.json.x1y2").write_bytes(b"{")
            facts.unlink()
        elif state == "no json":
            (out / "loose1.safetensors").write_bytes(b"half")
            facts.unlink()
        elif state == "half json":
            facts.write_text(facts.read_text()[:100])
        elif state == "other codec":
            facts.write_text(facts.read_text().replace(Encoder.open(None, codec_file).hash, "0" * 16))
        else:
            facts.write_text(json.dumps({**json.loads(facts.read_text()), "bytes": [], "features": 3}))
        report = encode_folder(music, EncodeSettings(out, codec=codec_file))
        assert (report.encoded, report.kept) == (1, 5)
        assert files(out) == expected


def test_what_is_kept_follows_audio_stems_and_prompts(music: Path, codec_file: Path, tmp_path: Path) -> None:
    settings = EncodeSettings(tmp_path / "out", codec=codec_file, stems=True)
    encode_folder(music, settings)
    before = files(settings.output)
    (music / "loose0.txt").write_text("a new prompt")
    soundfile.write(music / "loose1.wav", noise(99, 2.0), 32_000)
    report = encode_folder(music, settings)
    assert (report.encoded, report.kept) == (1, 5)
    after = files(settings.output)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"loose0.json", "loose1.json", "loose1.safetensors"}
    assert json.loads(after["loose0.json"])["prompt"] == "a new prompt"
    # Without --stems nothing is lost, and stems that were not there yet are encoded.
    assert encode_folder(music, EncodeSettings(settings.output, codec=codec_file)).kept == 6
    assert files(settings.output) == after
    encode_folder(music, EncodeSettings(tmp_path / "mixes", codec=codec_file))
    assert encode_folder(music, EncodeSettings(tmp_path / "mixes", codec=codec_file, stems=True)).encoded == 2


def test_two_runs_never_write_to_one_folder(music: Path, codec_file: Path, tmp_path: Path) -> None:
    seen = []

    def second(done: int, total: int) -> None:
        if done == 1:
            with pytest.raises(LmdmTrainError, match="another lmdm data encode is writing"):
                encode_folder(music, EncodeSettings(tmp_path / "out", codec=codec_file))
            seen.append(total)

    encode_folder(music, EncodeSettings(tmp_path / "out", codec=codec_file), progress=second)
    assert seen == [9]


def test_nothing_to_encode_is_an_error(music: Path, codec_file: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LmdmTrainError, match="holds no music"):
        encode_folder(empty, EncodeSettings(tmp_path / "out", codec=codec_file))
    (empty / "a.wav").write_bytes(b"")
    result = run(empty, "-o", tmp_path / "out", "--codec", codec_file, "--jobs", 1)
    assert isinstance(result.exception, LmdmTrainError)
    assert "nothing in" in str(result.exception)
    assert json.loads((tmp_path / "out/report.json").read_text())["skipped"]["corrupt"][0]["id"] == "a"
    assert run(music, "-o", tmp_path / "out").exit_code == 2
    with pytest.raises(LmdmTrainError, match="the device nowhere cannot be used"):
        encode_folder(music, EncodeSettings(tmp_path / "out", codec=codec_file, device="nowhere"))
    with pytest.raises(LmdmTrainError, match="not a readable codec"):
        encode_folder(music, EncodeSettings(tmp_path / "out", codec=tmp_path / "none.safetensors"))


def test_the_codec_of_a_checkpoint_is_the_same_codec_in_half_precision(tmp_path: Path) -> None:
    instrument = small_instrument("tiny")
    save_instrument(tmp_path / "whole", instrument)
    save_instrument(tmp_path / "half", instrument, dtype=torch.float16)
    whole, config = codec_of_checkpoint(tmp_path / "whole.safetensors")
    half, _ = codec_of_checkpoint(tmp_path / "half.safetensors")
    assert config == instrument.config
    assert codec_hash(whole) == codec_hash(half) == codec_hash(instrument.codec)
    assert codec_hash(small_instrument("tiny", seed=1).codec) != codec_hash(whole)
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), instrument.codec.state_dict().values(), strict=True))


def test_the_same_analysis_whatever_else_the_settings_say() -> None:
    pitch, loudness = preset("tiny-sketch").controls
    assert same_analysis({**pitch.model_dump(mode="json"), "dropout": 0.7, "top": 2}, pitch, RATE, FRAME)  # type: ignore[arg-type]
    for change in ({"octaves": 3}, {"lowest_hz": 220.0}, {"octaves": "many"}, {"octaves": 10**9}, {"what": 1}):
        assert not same_analysis({**pitch.model_dump(mode="json"), **change}, pitch, RATE, FRAME)  # type: ignore[arg-type]
    assert same_analysis({"kind": "loudness"}, loudness, RATE, FRAME)  # type: ignore[arg-type]


def start(music: Path, out: Path, codec_file: Path, jobs: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "lmdm_runtime.cli",
        "data",
        "encode",
        music,
        "-o",
        out,
        "--codec",
        codec_file,
        "--jobs",
        str(jobs),
        "--stems",
    ]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.heavy
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_is_resumed_to_the_same_files(music: Path, codec_file: Path, tmp_path: Path, jobs: int) -> None:
    for index in range(12):
        soundfile.write(music / f"more{index}.wav", noise(200 + index, 8.0), RATE)
    encode_folder(music, EncodeSettings(tmp_path / "whole", codec=codec_file, stems=True))
    expected, out = files(tmp_path / "whole"), tmp_path / "killed"
    killed = 0
    for wanted in (1, 3, 6, 9):
        process = start(music, out, codec_file, jobs)
        while process.poll() is None and len(list(out.glob("*.safetensors"))) < wanted:
            time.sleep(0.002)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
        for path in out.glob("*.safetensors"):
            assert path.read_bytes() == expected[path.name]
    assert killed >= 2
    # Workers of the killed runs end by themselves and let go of the folder.
    assert start(music, out, codec_file, jobs).wait() == 0
    assert files(out) == expected


@pytest.mark.heavy
def test_rendered_music_through_the_default_codec(tmp_path: Path) -> None:
    try:
        font = find_soundfont()
    except LmdmTrainError as missing:
        pytest.skip(str(missing))
    if not shutil.which("fluidsynth"):
        pytest.skip("fluidsynth is not installed: apt-get install fluidsynth")
    for seed in range(3):
        render(compose(seed, seconds=6), tmp_path / "music", font)
    default = Path(__file__).parents[2] / "lmdm_train/default/default.safetensors"
    result = run(tmp_path / "music", "-o", tmp_path / "out", "--checkpoint", default, "--stems", "--jobs", 1, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["encoded"] == 3
    codec, config = codec_of_checkpoint(default)
    for track in find_tracks(tmp_path / "music"):
        audio = torch.from_numpy(track.mix(codec.sample_rate))
        with torch.no_grad():
            frames = codec.encode(audio[None, None, : len(audio) // codec.frame_size * codec.frame_size])[0]
        stored = load_file(tmp_path / "out" / f"{track.folder.name}.safetensors")
        assert torch.allclose(stored["frames"].float(), frames, rtol=2e-3, atol=2e-3)
    source = open_source(DataSettings(path=tmp_path / "out", target="stem"), config, codec)

    batch = source.draw(random.Random(0), 8, config.layout.window)
    assert batch.accompaniment is not None
    assert batch.frames.shape == batch.accompaniment.shape == (8, config.dit.latent_channels, config.layout.window)
    instruments = {stem["midi_program_name"] for track in find_tracks(tmp_path / "music") for stem in track.metadata["stems"].values()}
    assert set(batch.prompts) <= instruments
