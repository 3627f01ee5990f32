"""Crops of encoded folders: whole, aligned, decided by the generator alone; and damaged items explained, never fatal."""

from __future__ import annotations

import json
import logging
import pickle
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from lmdm_train.control import LoudnessControl, PitchControl
from lmdm_train.data.folder import FolderSource
from lmdm_train.data.settings import DataSettings, Needs
from lmdm_train.data.source import open_source
from lmdm_train.errors import LmdmTrainError
from lmdm_train.presets import preset
from tests.train.encoded_items import NEEDS, SKETCHED, code_and_start, marked, settings, write_ours, write_released


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(4):
        write_ours(tmp_path, f"sub/item{index}", index * 100, length=30 + index, stems=("S00", "S01", "S02"))
    return tmp_path


def test_a_crop_is_a_piece_of_one_item_with_its_features_and_its_prompt(folder: Path) -> None:
    batch = FolderSource(settings(folder), SKETCHED).draw(random.Random(0), 32, 12)
    assert batch.frames.shape == (32, 3, 12)
    assert batch.accompaniment is None
    places = set()
    for index in range(32):
        code, start = code_and_start(batch.frames[index])
        assert code_and_start(batch.features["loudness"][index]) == (code + 90, start)
        assert batch.prompts[index] == f"prompt of sub/item{code // 100}"
        places.add((code, start))
    assert len({code for code, _ in places}) == 4
    assert len({start for _, start in places}) > 8
    assert (batch.seconds == 2.0).all()


def test_a_crop_under_a_gain_curve_is_always_told_its_loudness(folder: Path) -> None:
    write_ours(folder, "sub/item1.d1", 500, length=40, dynamics=5)
    batch = FolderSource(settings(folder), SKETCHED).draw(random.Random(0), 32, 12)
    assert batch.told is not None
    curved = [code_and_start(frames)[0] == 500 for frames in batch.frames]
    assert batch.told == [frozenset({"loudness"}) if curve else frozenset() for curve in curved]
    assert 0 < sum(curved) < 32


def test_a_draw_depends_on_its_generator_alone(folder: Path) -> None:
    used, fresh = FolderSource(settings(folder), SKETCHED), FolderSource(settings(folder, memory_mib=0), SKETCHED)
    for seed in range(5):
        used.draw(random.Random(seed), 3, 8 + seed)
    one, two = used.draw(random.Random(7), 16, 12), fresh.draw(random.Random(7), 16, 12)
    assert torch.equal(one.frames, two.frames)
    assert one.prompts == two.prompts
    # Another generator draws something else.
    assert not torch.equal(one.frames, fresh.draw(random.Random(8), 16, 12).frames)


def test_stems_come_with_one_other_stem_or_the_sum_of_the_others_at_the_same_place(folder: Path) -> None:
    kinds = {}
    for share in (0.0, 0.5, 1.0):
        batch = FolderSource(settings(folder, target="stem", sums=share), SKETCHED).draw(random.Random(0), 64, 12)
        assert batch.accompaniment is not None
        sums = 0
        for index in range(64):
            code, start = code_and_start(batch.frames[index])
            other, at = code_and_start(batch.accompaniment[index])
            stem = code % 100 - 1
            assert start == at
            assert other // 100 == code // 100
            assert batch.prompts[index] == f"instrument S{stem:02d}"
            assert code_and_start(batch.features["loudness"][index])[0] == code + 90
            if other % 100 > 50:
                sums += 1
                assert other == code + 50
            else:
                assert other != code
        kinds[share] = sums
    assert kinds[0.0] == 0
    assert 16 < kinds[0.5] < 48
    assert kinds[1.0] == 64


def test_held_out_items_are_drawn_only_when_asked_for(folder: Path) -> None:
    write_ours(folder, "kept back", 900, held_out=True)
    drawn = {
        part: {code_and_start(crop)[0] for crop in FolderSource(settings(folder, part=part), NEEDS).draw(random.Random(0), 64, 8).frames}
        for part in ("train", "held-out", "all")
    }
    assert drawn == {"train": {0, 100, 200, 300}, "held-out": {900}, "all": {0, 100, 200, 300, 900}}


def test_short_items_are_skipped_once_aloud_and_nothing_long_enough_is_an_error(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = FolderSource(settings(folder), NEEDS)
    with caplog.at_level(logging.WARNING):
        for seed in range(8):
            codes = {code_and_start(crop)[0] for crop in source.draw(random.Random(seed), 4, 32).frames}
            assert codes <= {200, 300}
    assert [r.message for r in caplog.records] == [
        "2 of 4 items are shorter than a crop of 32 frames and are skipped, for example sub/item0 with 30"
    ]
    with pytest.raises(LmdmTrainError, match=r"crop of 34 frames; the longest of 4 items is sub/item3 with 33"):
        source.draw(random.Random(0), 1, 34)


def test_a_crop_as_long_as_its_item_and_crops_from_the_start(folder: Path) -> None:
    assert code_and_start(FolderSource(settings(folder), NEEDS).draw(random.Random(0), 1, 33).frames[0]) == (300, 0)
    starts = FolderSource(settings(folder, random_crop=False), NEEDS).draw(random.Random(0), 16, 8)
    assert {code_and_start(crop)[1] for crop in starts.frames} == {0}


def test_the_seconds_of_the_item_where_the_settings_say_so(folder: Path) -> None:
    batch = FolderSource(settings(folder, seconds="metadata"), NEEDS).draw(random.Random(0), 8, 8)
    for crop, seconds in zip(batch.frames, batch.seconds, strict=True):
        assert float(seconds) == pytest.approx((30 + code_and_start(crop)[0] // 100) * 2048 / 44_100)


def test_items_that_are_too_quiet_or_too_long_are_left_out(folder: Path) -> None:
    write_ours(folder, "quiet", 600, silence_ratio=0.8)
    write_ours(folder, "loud", 700, silence_ratio=0.1, seconds_total=100.0)
    source = FolderSource(settings(folder, silence_threshold=0.5), NEEDS)
    assert [item.id for item in source.items] == ["loud"]
    assert "0.80" in source.skipped["quiet"]
    assert "unknown" in source.skipped["sub/item0"]
    assert "loud" in FolderSource(settings(folder, maximum_seconds=50), NEEDS).skipped


# The released layout


def test_released_items_with_a_file_list_padding_and_a_stem_mapping(tmp_path: Path) -> None:
    write_released(tmp_path, "0/bass", 0, length=40)
    write_released(tmp_path, "0/drums", 100, length=36)
    write_released(tmp_path, "1/keys", 200, length=40, padding_mask=[[1] * 20 + [0] * 20])
    write_released(tmp_path, "1/not listed", 300)
    (tmp_path / "filelist.txt").write_text("0/bass.npy\n0/drums.npy\n1/keys.npy\n\n../outside.npy\n/etc/passwd\n1/none.npy\n")
    source = FolderSource(settings(tmp_path), NEEDS)
    assert [(item.id, item.length) for item in source.items] == [("0/bass", 40), ("0/drums", 36), ("1/keys", 20)]
    assert set(source.skipped) == {"../outside.npy", "/etc/passwd", "1/none.npy"}
    assert "outside" in source.skipped["../outside.npy"]
    assert {code_and_start(crop)[0] for crop in source.draw(random.Random(0), 32, 10).frames} == {0, 100, 200}

    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"bass": ["drums", "../../etc/passwd"], "keys": ["nobody"], "../ghost": ["bass"]}))
    source = FolderSource(settings(tmp_path, stem_mapping=mapping), NEEDS)
    assert [item.id for item in source.items] == ["0/bass"]
    assert {"keys", "../ghost"} <= set(source.skipped)
    batch = source.draw(random.Random(0), 16, 30)
    assert batch.accompaniment is not None
    for target, other in zip(batch.frames, batch.accompaniment, strict=True):
        code, start = code_and_start(target)
        assert code == 0
        assert code_and_start(other) == (100, start)
    # The bass alone would be long enough; its accompaniment is not, and a crop never reaches beyond it.
    with pytest.raises(LmdmTrainError, match="in a row"):
        source.draw(random.Random(0), 1, 38)


@pytest.mark.parametrize("content", ["[1]", "{", '{"a": "b"}', "[" * 100_000])
def test_a_mapping_that_is_none_is_refused(folder: Path, content: str) -> None:
    mapping = folder / "mapping.txt"
    mapping.write_text(content)
    with pytest.raises(LmdmTrainError, match=r"stem mapping.*expected JSON"):
        FolderSource(settings(folder, stem_mapping=mapping), NEEDS)


# Damage


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path("/tmp/lmdm-was-unpickled").touch, ())


def damage(folder: Path, how: str) -> str:
    """Put one damaged item `bad` into the folder; returns what its reason must say."""
    path = write_ours(folder, "bad", 800)
    released = folder / "bad.npy"
    facts = path.with_suffix(".json")
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:300])
    elif how == "garbage":
        path.write_bytes(b"\xff" * 64)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no json":
        facts.unlink()
        return "no bad.json"
    elif how == "broken json":
        facts.write_text('{"prompt": ')
        return "is not JSON"
    elif how == "json list":
        facts.write_text("[]")
        return "holds a list"
    elif how == "channels":
        path.unlink()
        np.save(released, np.zeros((5, 40), np.float32))
        return "5 latent channels, expected 3"
    elif how == "no frames":
        path.unlink()
        np.save(released, np.zeros((3, 0), np.float32))
        return r"shape \[3, 0\]"
    elif how == "integers":
        path.unlink()
        np.save(released, np.zeros((3, 40), np.int64))
        return "expected floating-point"
    elif how == "one dimension":
        path.unlink()
        np.save(released, np.zeros(40, np.float32))
        return r"shape \[40\]"
    elif how == "pickle":
        path.unlink()
        released.write_bytes(pickle.dumps(Hostile()))
    elif how == "object array":
        path.unlink()
        np.save(released, np.array([[Hostile()]], dtype=object), allow_pickle=True)
    return "cannot be read"


DAMAGE = ("truncated", "garbage", "empty", "no json", "broken json", "json list")
DAMAGE_RELEASED = ("channels", "no frames", "integers", "one dimension", "pickle", "object array")


@pytest.mark.parametrize("how", DAMAGE + DAMAGE_RELEASED)
def test_a_damaged_item_is_skipped_with_its_reason_and_alone_it_is_an_error(folder: Path, tmp_path_factory, how: str) -> None:
    why = damage(folder, how)
    source = FolderSource(settings(folder), NEEDS)
    assert len(source.items) == 4
    ((_, reason),) = source.skipped.items()
    assert re.search(why, reason)
    source.draw(random.Random(0), 32, 8)
    alone = tmp_path_factory.mktemp("alone")
    damage(alone, how)
    with pytest.raises(LmdmTrainError, match=why):
        FolderSource(settings(alone), NEEDS)
    assert not Path("/tmp/lmdm-was-unpickled").exists()


def test_frames_that_are_not_finite_are_drawn_again_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_released(tmp_path, "good", 100)
    frames = marked(200, 40).numpy()
    frames[:, 20] = np.nan
    np.save(write_released(tmp_path, "half", 200), frames)
    source = FolderSource(settings(tmp_path), NEEDS)
    with caplog.at_level(logging.WARNING):
        batch = source.draw(random.Random(0), 64, 10)
    assert batch.frames.isfinite().all()
    assert {code_and_start(crop)[0] for crop in batch.frames} == {100, 200}
    assert len([r for r in caplog.records if "half is skipped: its frames hold NaN" in r.message]) == 1
    again = FolderSource(settings(tmp_path), NEEDS).draw(random.Random(0), 64, 10)
    assert torch.equal(batch.frames, again.frames)
    np.save(tmp_path / "good.npy", np.full((3, 40), np.inf, np.float32))
    np.save(tmp_path / "half.npy", np.full((3, 40), np.nan, np.float32))
    source = FolderSource(settings(tmp_path), NEEDS)
    with pytest.raises(LmdmTrainError, match="in a row are damaged"):
        source.draw(random.Random(0), 4, 10)


def test_a_file_that_changes_after_it_was_opened_is_a_skip(folder: Path) -> None:
    source = FolderSource(settings(folder), NEEDS)
    write_ours(folder, "sub/item3", 300, length=9)
    (folder / "sub/item2.safetensors").unlink()
    codes = {code_and_start(crop)[0] for crop in source.draw(random.Random(0), 32, 12).frames}
    assert codes == {0, 100}


# What does not fit the instrument


def test_frames_of_another_codec_are_refused(folder: Path) -> None:
    def needs(codec: str) -> Needs:
        return Needs(3, 44_100, 2048, 2.0, codec=codec)

    FolderSource(settings(folder), needs("aaaa"))
    with pytest.raises(LmdmTrainError, match=r"encoded by the codec aaaa, expected bbbb; encode the music again: lmdm data encode"):
        FolderSource(settings(folder), needs("bbbb"))


def test_features_of_other_settings_are_refused_unless_the_analysis_is_the_same(tmp_path: Path) -> None:
    def needs(control: PitchControl | LoudnessControl) -> Needs:
        return Needs(3, 44_100, 2048, 2.0, sketches={control.kind: control})

    write_ours(tmp_path, "a", 0)
    FolderSource(settings(tmp_path), needs(LoudnessControl(dropout=0.9, lowest_db=-30)))
    with pytest.raises(LmdmTrainError, match="no features for the sketch control pitch"):
        FolderSource(settings(tmp_path), needs(PitchControl()))
    write_ours(tmp_path, "a", 0, features={"loudness": {"kind": "loudness", "unknown": 3}})
    with pytest.raises(LmdmTrainError, match="with other settings than the configuration's"):
        FolderSource(settings(tmp_path), needs(LoudnessControl()))
    write_ours(tmp_path, "a", 0, features={})
    with pytest.raises(LmdmTrainError, match="does not say with which settings"):
        FolderSource(settings(tmp_path), needs(LoudnessControl()))


def test_opening_for_a_configuration(folder: Path, tmp_path_factory) -> None:
    with pytest.raises(LmdmTrainError, match="there is no folder"):
        open_source(DataSettings(path=folder / "none"), preset("tiny"))
    with pytest.raises(LmdmTrainError, match="3 latent channels, expected 8"):
        open_source(DataSettings(path=folder), preset("tiny"))
    with pytest.raises(LmdmTrainError, match="holds no encoded music"):
        open_source(DataSettings(path=tmp_path_factory.mktemp("empty")), preset("tiny"))
    only = tmp_path_factory.mktemp("mixes")
    write_ours(only, "a", 0)
    with pytest.raises(LmdmTrainError, match="no encoded stems"):
        FolderSource(settings(only, target="stem"), NEEDS)
