"""Composed music: the same from the same seed, captions that tell the truth, and files that sum to the mix."""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pytest
import soundfile

from lmdm_train.data.captions import caption_corpus, spoken, train_tokenizer
from lmdm_train.data.compose import compose
from lmdm_train.data.music import find_tracks
from lmdm_train.data.render import find_soundfont, render
from lmdm_train.data.styles import STYLES
from lmdm_train.errors import LmdmTrainError
from lmdm_train.model.text import Tokenizer


def test_a_seed_is_a_piece():
    assert compose(7) == compose(7)
    assert compose(7) != compose(13)
    assert {compose(seed).style for seed in range(6)} == {style.name for style in STYLES}


@pytest.mark.parametrize("seed", range(24))
def test_notes_are_music_and_the_caption_names_what_plays(seed):
    piece = compose(seed, seconds=10)
    assert piece.seconds >= 10
    for stem in piece.stems:
        assert stem.notes
        assert all(0 <= note.pitch < 128 and 0 < note.velocity < 128 and note.length > 0 for note in stem.notes)
        assert max(note.start for note in stem.notes) < piece.bars * 4
        assert stem.instrument in piece.caption
    assert ("drums" in piece.caption) == any(stem.is_drum for stem in piece.stems)
    assert f"{piece.bpm} bpm" in piece.caption


def need_fluidsynth():
    try:
        font = find_soundfont()
    except LmdmTrainError as missing:
        pytest.skip(str(missing))
    if not shutil.which("fluidsynth"):
        pytest.skip("fluidsynth is not installed: apt-get install fluidsynth")
    return font


def test_stems_sum_to_the_mix_and_a_second_rendering_is_the_same(tmp_path):
    font = need_fluidsynth()
    piece = compose(3, seconds=4)
    first, second = render(piece, tmp_path / "a", font), render(piece, tmp_path / "b", font)
    mix, rate = soundfile.read(first / "mix.flac")
    assert rate == 44_100
    assert abs(len(mix) / rate - piece.seconds) < 0.01
    stems = sum(soundfile.read(path)[0] for path in sorted((first / "stems").glob("*.flac")))
    assert np.abs(stems - mix).max() < 1e-3
    assert 0.01 < np.sqrt(np.mean(mix**2)) < 0.12
    assert (first / "mix.flac").read_bytes() == (second / "mix.flac").read_bytes()
    assert json.loads((first / "metadata.json").read_text())["prompt"] == piece.caption
    assert [track.prompt for track in find_tracks(tmp_path / "a")] == [piece.caption]


def test_a_folder_without_music_and_a_broken_mix_are_explained(tmp_path):
    with pytest.raises(LmdmTrainError, match="holds no tracks"):
        find_tracks(tmp_path)
    track = tmp_path / "Track00001"
    track.mkdir()
    (track / "metadata.json").write_text('{"prompt": "x", "seed": 1}')
    (track / "mix.flac").write_bytes(b"fLaC but not really")
    with pytest.raises(LmdmTrainError, match=r"mix\.flac cannot be read"):
        find_tracks(tmp_path)[0].mix(44_100)


def fake_tracks(count: int = 24):
    from pathlib import Path

    from lmdm_train.data.music import Track

    def metadata(seed: int) -> dict:
        piece = compose(seed, seconds=4)
        stems = {str(i): {"inst_class": s.role, "midi_program_name": s.instrument} for i, s in enumerate(piece.stems)}
        return {
            "prompt": piece.caption,
            "style": piece.style,
            "key": piece.key,
            "mode": piece.mode,
            "bpm": piece.bpm,
            "seed": seed,
            "stems": stems,
        }

    return [Track(Path(), metadata(seed)) for seed in range(count)]


def test_spoken_prompts_only_say_what_is_true():
    rng = random.Random(0)
    for track in fake_tracks():
        names = {stem["midi_program_name"] for stem in track.metadata["stems"].values()}
        for _ in range(8):
            prompt = spoken(track, rng)
            assert track.metadata["style"] in prompt
            assert ("without drums" in prompt) <= ("drums" not in names)


def test_every_caption_fits_the_tokens_of_the_default_instrument():
    tracks = fake_tracks(72)
    tokenizer = Tokenizer(train_tokenizer(caption_corpus(tracks), 256), 24, lowercase=True)
    ids, mask = tokenizer([track.prompt for track in tracks])
    assert int(mask.sum(dim=1).max()) < 24
    assert 2 not in ids
    # Another prompt has other ids, and unused places are padding.
    assert len({tuple(row.tolist()) for row in ids}) == len({track.prompt for track in tracks})
    assert bool((ids[mask == 0] == 0).all())
