"""Versions under gain curves: deterministic, within their bounds, without clicks; frames, features and stems agree on the curve."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from lmdm_train.codec.files import save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.data.cli import data
from lmdm_train.data.dynamics import curve_seed, gain_curve, with_dynamics
from lmdm_train.data.encoder import Encoder
from lmdm_train.data.layouts import find_pieces
from lmdm_train.data.settings import DataSettings
from lmdm_train.data.source import open_source
from lmdm_train.presets import preset

RATE, FRAME = 44_100, 2048
CLICK_SECONDS = 0.004
"""A gain that would go from silence to full scale in this time is a click; edges take five times as long as a whole."""


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    save_codec(path, SpectralCodec(SpectralConfig(latent_channels=4, hidden=16)))
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A track with two stems of an even level, a loose file and a broken one."""
    folder = tmp_path / "music"
    track = folder / "Track00011"
    (track / "stems").mkdir(parents=True)
    stems = {f"S0{i}": tone(220 * (i + 1), 12.0, seed=i) for i in range(2)}
    soundfile.write(track / "mix.flac", sum(stems.values()), RATE, subtype="PCM_24")
    for name, audio in stems.items():
        soundfile.write(track / "stems" / f"{name}.flac", audio, RATE, subtype="PCM_24")
    facts = {name: {"midi_program_name": f"instrument {name}"} for name in stems}
    (track / "metadata.json").write_text(json.dumps({"prompt": "a track", "seed": 66, "stems": facts}))
    soundfile.write(folder / "loose.wav", tone(330, 12.0, seed=5), RATE)
    (folder / "loose.txt").write_text("a tone")
    (folder / "broken.flac").write_bytes(b"fLaC but not really")
    return folder


def tone(hz: float, seconds: float, *, seed: int) -> np.ndarray:
    """Notes of half a second that fade by 3 dB, with some noise: about as even as rendered music."""
    time = np.arange(round(RATE * seconds)) / RATE
    noise = 0.02 * np.random.default_rng(seed).standard_normal(len(time))
    return 10 ** (-3 * (time % 0.5) / 0.5 / 20) * (0.2 * np.sin(2 * np.pi * hz * time) + noise)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(data, ["encode", *map(str, arguments), "--jobs", "1"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix in (".json", ".safetensors")}


def test_curves_are_drawn_from_piece_and_version_alone() -> None:
    a, b = curve_seed("Track00001", 1), curve_seed("Track00001", 2)
    assert len({a, b, curve_seed("Track00002", 1), curve_seed("Track0000", 11)}) == 4
    assert all(seed < 2**53 for seed in (a, b))
    assert np.array_equal(gain_curve(a, RATE * 20, RATE), gain_curve(a, RATE * 20, RATE))
    assert not np.allclose(gain_curve(a, RATE * 20, RATE), gain_curve(b, RATE * 20, RATE), atol=0.1)
    # Another rate is the same curve.
    assert np.allclose(gain_curve(a, RATE * 20, RATE)[::2], gain_curve(a, RATE * 10, RATE // 2), atol=1e-6)


def test_curves_stay_in_bounds_and_never_click() -> None:
    rate = RATE // 4
    curves = np.stack([gain_curve(curve_seed("bounds", version), rate * 30, rate) for version in range(1, 41)])
    assert curves.min() >= 0
    assert curves.max() <= 1
    db = 20 * np.log10(np.maximum(curves, 1e-6))
    sounding, rests, silent = db >= -30.01, (db < -59.9) & (curves > 0), curves == 0
    assert 0.05 < (rests | silent).mean() < 0.15
    assert rests.mean() > 0.01
    assert silent.mean() > 0.01
    assert (sounding | rests | silent).mean() > 0.97
    # Levels are spread over the whole range, not about one of its ends.
    assert np.all(np.histogram(db[sounding], bins=6, range=(-30, 0))[0] / sounding.sum() > 0.08)
    fastest = 1 / (CLICK_SECONDS * rate)
    assert np.abs(np.diff(curves, axis=1)).max() < fastest
    # Some rise within 20 ms; and a small jump between two samples would be seen.
    edge = round(0.02 * rate)
    assert np.abs(curves[:, edge:] - curves[:, :-edge]).max() > 0.5
    assert np.abs(np.diff(np.where(curves > 0.1, curves, 0), axis=1)).max() > fastest


def test_versions_have_ids_of_their_own(music: Path) -> None:
    soundfile.write(music / "loose.d1.wav", tone(330, 1.0, seed=1), RATE)
    pieces, _ = find_pieces(music)
    versions = with_dynamics(pieces, 2)
    ids = [piece.id for piece in versions]
    assert len(set(ids)) == len(ids) == 3 * len(pieces)
    assert {"loose", "loose.d1", "loose.d1-dynamics", "loose.d2", "loose.d1.d1"} < set(ids)
    assert with_dynamics(pieces, 0) == pieces


def test_versions_beside_the_plain_items(music: Path, codec_file: Path, tmp_path: Path) -> None:
    plain, out = tmp_path / "plain", tmp_path / "out"
    assert run(music, "-o", plain, "--codec", codec_file).exit_code == 0
    result = run(music, "-o", out, "--codec", codec_file, "--dynamics", 2, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["encoded"], report["kept"], report["dynamics"]) == (6, 0, 4)
    assert report["minutes"] == pytest.approx(3 * 24 / 60, abs=0.01)
    assert [problem["id"] for found in report["skipped"].values() for problem in found] == ["broken"]
    expected, made = files(plain), files(out)
    assert {name: value for name, value in made.items() if name in expected and name != "report.json"} == {
        name: value for name, value in expected.items() if name != "report.json"
    }
    for item in ("Track00011", "loose"):
        original = json.loads(made[f"{item}.json"])
        assert "dynamics" not in original
        level = load_file(out / f"{item}.safetensors")["features.loudness"][0].float()
        for version in (1, 2):
            facts = json.loads(made[f"{item}.d{version}.json"])
            assert facts["dynamics"] == curve_seed(item, version)
            for key in ("prompt", "held_out", "seconds_total", "frames", "codec", "bytes"):
                assert facts[key] == original[key]
            varied = load_file(out / f"{item}.d{version}.safetensors")["features.loudness"][0].float()
            assert varied.std() > 3 * level.std()
        # Without a curve, levels are about as even as those of rendered music.
        assert 0.3 < level.std() < 3
    assert json.loads(made["Track00011.d1.json"])["held_out"] is True
    tiny = preset("tiny").model_copy(update={"codec": SpectralConfig(latent_channels=4, hidden=16)})
    source = open_source(DataSettings(path=out, part="all"), tiny)
    assert len(source.items) == 6


def test_frames_features_and_stems_share_the_curve(music: Path, codec_file: Path, tmp_path: Path) -> None:
    run(music, "-o", tmp_path / "out", "--codec", codec_file, "--stems", "--dynamics", 1)
    encoder, tensors = Encoder.open(None, codec_file), load_file(tmp_path / "out/Track00011.d1.safetensors")
    read = {
        name: soundfile.read(music / "Track00011" / path, dtype="float32")[0]
        for name, path in (("", "mix.flac"), ("stem.S00.", "stems/S00.flac"), ("stem.S01.", "stems/S01.flac"))
    }
    gain = gain_curve(curve_seed("Track00011", 1), len(read[""]), RATE)
    whole = len(gain) // FRAME * FRAME
    for prefix, audio in read.items():
        under = torch.from_numpy(audio * gain)[None, :whole]
        assert torch.equal(tensors[f"{prefix}frames"], encoder.frames(under).half())
        for kind, value in encoder.features(under).items():
            assert torch.equal(tensors[f"{prefix}features.{kind}"], value.half())
        assert not torch.equal(tensors[f"{prefix}frames"], encoder.frames(torch.from_numpy(audio)[None, :whole]).half())
    # With two stems, all others are the other one.
    assert torch.equal(tensors["stem.S00.rest"], tensors["stem.S01.frames"])


def test_versions_are_resumed_and_added(music: Path, codec_file: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(music, "-o", whole, "--codec", codec_file, "--dynamics", 2)
    expected = {name: value for name, value in files(whole).items() if name != "report.json"}
    for versions, counts in ((0, (2, 0, 0)), (1, (2, 2, 2)), (2, (2, 4, 4)), (2, (0, 6, 4)), (0, (0, 2, 0))):
        result = run(music, "-o", out, "--codec", codec_file, "--dynamics", versions, "--json")
        report = json.loads(result.stdout)
        assert (report["encoded"], report["kept"], report["dynamics"]) == counts
    assert {name: value for name, value in files(out).items() if name != "report.json"} == expected
    # A version whose JSON is not there, and one under another curve, are encoded again; a new prompt is taken over.
    (out / "loose.d1.json").unlink()
    facts = json.loads((out / "loose.d2.json").read_text())
    (out / "loose.d2.json").write_text(json.dumps({**facts, "dynamics": 7}))
    result = run(music, "-o", out, "--codec", codec_file, "--dynamics", 2)
    assert "2 encoded, 4 kept (4 of them under gain curves)" in result.stdout
    assert {name: value for name, value in files(out).items() if name != "report.json"} == expected
    (music / "loose.txt").write_text("a new prompt")
    assert json.loads(run(music, "-o", out, "--codec", codec_file, "--dynamics", 2, "--json").stdout)["kept"] == 6
    assert json.loads((out / "loose.d1.json").read_text())["prompt"] == "a new prompt"
