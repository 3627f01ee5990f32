"""Audio inputs: any rate and channel count, what is wrong with a file, and the folder layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from lmdm_train.data.audio import AudioProblem, clipped_share, is_silent, read_audio, silence_ratio
from lmdm_train.data.layouts import find_pieces


def sine(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize(("suffix", "rate"), [("wav", 44_100), ("flac", 48_000), ("ogg", 22_050), ("mp3", 32_000)])
def test_a_tone_is_that_tone_at_the_codec_rate(tmp_path: Path, suffix: str, rate: int) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(1000, rate), rate)
    audio = read_audio(path, 44_100, 1)
    assert audio.dtype == np.float32
    assert audio.shape == (1, pytest.approx(44_100, abs=3000))
    middle = audio[0, 8_820 : 8_820 + 22_050]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    # Two bins a hertz apart; the tone and nothing else within 40 dB.
    assert np.argmax(spectrum) == 500
    assert np.sort(spectrum)[-8] < spectrum.max() / 100
    # Lossy files are off by as much as their encoders like.
    assert np.abs(middle).max() == pytest.approx(0.5, rel=0.02 if suffix in ("wav", "flac") else 0.15)


def test_channels(tmp_path: Path) -> None:
    left, right = sine(400, 44_100), sine(700, 44_100)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, right], axis=1), 44_100, subtype="FLOAT")
    soundfile.write(tmp_path / "six.wav", np.stack([left] * 5 + [right], axis=1), 44_100, subtype="FLOAT")
    stereo, mono = read_audio(tmp_path / "stereo.wav", 44_100, 2), read_audio(tmp_path / "stereo.wav", 44_100, 1)
    assert np.allclose(stereo, [left, right], atol=1e-6)
    assert np.allclose(mono, [(left + right) / 2], atol=1e-6)
    six = read_audio(tmp_path / "six.wav", 44_100, 2)
    assert np.allclose(six, np.stack([(5 * left + right) / 6] * 2), atol=1e-6)


def test_files_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    def why(name: str, content: bytes | np.ndarray) -> tuple[str, str]:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            soundfile.write(path, content, 8000, subtype="FLOAT")
        with pytest.raises(AudioProblem) as caught:
            read_audio(path, 44_100, 1)
        return caught.value.kind, str(caught.value)

    whole = tmp_path / "whole.flac"
    soundfile.write(whole, sine(300, 44_100), 44_100)
    assert why("none.wav", b"")[0] == "corrupt"
    assert why("text.flac", b"fLaC but not really")[0] == "corrupt"
    assert why("zero.wav", np.zeros(0, np.float32)) == ("too short", "zero.wav holds no samples")
    assert why("nan.wav", np.array([0.1, np.nan, 0.2], np.float32)) == ("corrupt", "nan.wav holds NaN or infinite samples")
    assert why("inf.wav", np.array([0.1, np.inf], np.float32))[0] == "corrupt"
    assert why("cut.flac", whole.read_bytes()[:600])[0] == "corrupt"
    with pytest.raises(AudioProblem, match=r"gone\.wav cannot be read"):
        read_audio(tmp_path / "gone.wav", 44_100, 1)


def test_clipping_counts_samples_in_runs_of_three_at_full_scale() -> None:
    rng = np.random.default_rng(0)
    audio = np.clip(rng.normal(0, 0.9, (2, 4000)), -1, 1).astype(np.float32)
    full = np.abs(audio) >= 0.999
    counted = sum(any(channel[max(0, k) : k + 3].sum() == 3 and k >= 0 for k in (n - 2, n - 1, n)) for channel in full for n in range(4000))
    assert counted > 100
    assert clipped_share(audio) == pytest.approx(counted / 8000)
    # Single peaks at full scale are a normalised file, not a clipped one.
    peaks = np.zeros((1, 1000), np.float32)
    peaks[:, ::5] = 1
    assert clipped_share(peaks) == 0
    assert clipped_share(np.ones((1, 2), np.float32)) == 0


def test_silence() -> None:
    audio = np.zeros((1, 8 * 64), np.float32)
    assert is_silent(audio)
    assert silence_ratio(audio, 64) == 1
    audio[:, : 2 * 64] = 0.5
    assert not is_silent(audio)
    assert silence_ratio(audio, 64) == 0.75


def write_tone(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sine(300, 8000, 0.1), 8000)


def test_loose_files_take_their_prompt_from_a_sidecar_or_their_name(tmp_path: Path) -> None:
    for name in ("a/calm_sea  song.wav", "b.flac", "c.ogg", "d.wav", "d.flac", "report.wav", "e.wav", "take.1.wav"):
        write_tone(tmp_path / name)
    (tmp_path / "b.json").write_text('{"prompt": "from json", "bpm": 90, "stems": {"x": 1}}')
    (tmp_path / "c.txt").write_text("from\n text ")
    (tmp_path / "e.json").write_text('{"prompt": ')
    (tmp_path / "notes.txt").write_text("no audio")
    (tmp_path / ".hidden.wav").write_bytes(b"")
    pieces, broken = find_pieces(tmp_path)
    assert broken == []
    assert {piece.id: piece.metadata["prompt"] for piece in pieces} == {
        "a/calm_sea  song": "calm sea song",
        "b": "from json",
        "c": "from text",
        "d": "d",
        "d-wav": "d",
        "report-wav": "report",
        "e": "e",
        "take.1": "take.1",
    }
    assert {"bpm": 90, "prompt": "from json"} in [piece.metadata for piece in pieces]
    # A share is held out whatever else lies there, and the same share every time.
    many = tmp_path / "many"
    for index in range(40):
        write_tone(many / f"{index}.wav")
    held = {p.id for p in find_pieces(many, 0.25)[0] if p.held_out}
    assert 4 <= len(held) <= 18
    (many / "7.wav").unlink()
    assert {p.id for p in find_pieces(many, 0.25)[0] if p.held_out} == held - {"7"}


def slakh_track(folder: Path, stems: dict[str, dict[str, object]], **more: object) -> None:
    write_tone(folder / "mix.flac")
    for name in stems:
        write_tone(folder / "stems" / f"{name}.flac")
    (folder / "metadata.yaml").write_text(yaml.safe_dump({"UUID": "u", "audio_dir": "stems", "stems": stems, **more}))


def test_slakh_tracks_have_stems_named_by_their_program(tmp_path: Path) -> None:
    stems: dict[str, dict[str, object]] = {
        "S00": {
            "inst_class": "Bass",
            "is_drum": False,
            "midi_program_name": "Electric Bass (finger)",
            "program_num": 33,
            "plugin_name": "x",
        },
        "S01": {"inst_class": "Drums", "is_drum": True, "midi_program_name": "Drums", "program_num": 128},
    }
    slakh_track(tmp_path / "train/Track00001", stems)
    slakh_track(tmp_path / "test/Track01876", stems)
    (tmp_path / "train/Track00001/stems/S01.flac").unlink()
    pieces, broken = find_pieces(tmp_path)
    assert broken == []
    assert [(p.id, p.held_out, list(p.stems)) for p in pieces] == [
        ("test/Track01876", True, ["S00", "S01"]),
        ("train/Track00001", False, ["S00"]),
    ]
    assert pieces[1].metadata["prompt"] == "Electric Bass (finger), Drums"
    assert pieces[1].metadata["stems"]["S00"]["midi_program_name"] == "Electric Bass (finger)"


def test_hostile_tracks_are_named_and_lead_nowhere(tmp_path: Path) -> None:
    write_tone(tmp_path / "secret.flac")
    slakh_track(tmp_path / "in/escape", {"S00": {}})
    text = yaml.safe_dump({"stems": {"../../../secret": {}, "S00": {}}})
    (tmp_path / "in/escape/metadata.yaml").write_text(text)
    for name, content in {
        "object": "!!python/object/apply:os.system ['true']",
        "list": "[1]",
        "nothing": "{}",
        "stems list": "stems: [a]",
        "deep": "[" * 1500,
    }.items():
        slakh_track(tmp_path / "in" / name, {})
        (tmp_path / "in" / name / "metadata.yaml").write_text(content)
    for name, found in {
        "no prompt": {"seed": 1},
        "no seed": {"prompt": "a"},
        "a list": [],
        "odd": {"prompt": "a", "seed": 1, "stems": [1]},
    }.items():
        write_tone(tmp_path / "in/json" / name / "mix.flac")
        (tmp_path / "in/json" / name / "metadata.json").write_text(json.dumps(found))
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    pieces, broken = find_pieces(tmp_path / "in")
    assert [(piece.id, list(piece.stems)) for piece in pieces] == [("escape", ["S00"])]
    assert {item for item, _ in broken} == {
        "object",
        "list",
        "nothing",
        "stems list",
        "deep",
        "json/no prompt",
        "json/no seed",
        "json/a list",
        "json/odd",
    }
