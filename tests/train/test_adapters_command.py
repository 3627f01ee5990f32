"""`lmdm evaluate external`: what is missing is said in one sentence, and what is there is measured."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.adapters import needs
from lmdm_train.evaluate.adapters.clap import read_prompts
from lmdm_train.evaluate.adapters.command import METRICS, external
from lmdm_train.evaluate.adapters.needs import Package, Unavailable, imported, read_weights, require_packages
from lmdm_train.evaluate.adapters.openl3_net import OpenL3
from lmdm_train.evaluate.adapters.registry import ADAPTERS, NAMES, adapter_of


@pytest.fixture
def sounds(tmp_path):
    for folder in ("real", "made"):
        (tmp_path / folder).mkdir()
        for index in range(2):
            audio = 0.1 * np.random.default_rng(index).standard_normal(22050)
            soundfile.write(tmp_path / folder / f"{index}.wav", audio, 44100)
    return tmp_path


def run(folder, metric, *more):
    given = ["--reference", folder / "real", "--generated", folder / "made", "--weights-folder", folder / "weights", *more]
    return CliRunner().invoke(external, [metric, *(str(item) for item in given)])


def test_the_command_names_every_adapter():
    assert METRICS == NAMES
    with pytest.raises(LmdmTrainError, match="fd-openl3, kl-passt"):
        adapter_of("fad")


def test_an_absent_package_is_named_with_its_install_line():
    with pytest.raises(Unavailable, match=r"needs the package no-such>=1, not installed; run: pip install 'no-such>=1'") as caught:
        require_packages("a metric", (Package("json", "json"), Package("no_such_module", "no-such>=1")))
    assert caught.value.kind == "package missing"


def test_a_package_that_does_not_import_is_told_from_an_absent_one():
    def load() -> None:
        raise AttributeError("module 'torch' has no attribute 'old'")

    with pytest.raises(Unavailable, match=r"does not import beside torch .*no attribute 'old'") as caught:
        imported(Package("json", "json"), load)
    assert caught.value.kind == "package broken"


def test_json_of_what_is_missing_and_exit_code(sounds, monkeypatch):
    monkeypatch.setattr(needs.Package, "present", lambda self: True)
    for adapter in ADAPTERS:
        (sounds / "p.json").write_text('{"0": "calm", "1.wav": "loud"}')
        result = run(sounds, adapter.name, "--json", "--prompts", sounds / "p.json")
        told = json.loads(result.stdout)
        assert result.exit_code == 1
        assert told["state"] == "weights missing"
        assert adapter.weights.source in told["reason"]
    monkeypatch.setattr(needs.Package, "present", lambda self: False)
    told = json.loads(run(sounds, "cocola", "--json").stdout)
    assert (told["state"], "efficientnet-pytorch" in told["reason"]) == ("package missing", True)


def test_without_json_the_sentence_is_an_error(sounds, monkeypatch):
    monkeypatch.setattr(needs.Package, "present", lambda self: True)
    result = run(sounds, "cocola")
    assert result.exit_code == 1
    assert isinstance(result.exception, Unavailable)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize(("metric", "left_out"), [("fd-openl3", "--reference"), ("clap", "--prompts")])
def test_folders_and_prompts_are_asked_for(sounds, metric, left_out):
    given = [metric, "--generated", str(sounds / "made")]
    result = CliRunner().invoke(external, given)
    assert result.exit_code == 2
    assert left_out in result.output
    assert CliRunner().invoke(external, []).exit_code == 2


def test_the_list_shows_each_metric_before_and_after_its_weights_arrive(tmp_path, monkeypatch):
    monkeypatch.setattr(needs.Package, "present", lambda self: True)
    before = CliRunner().invoke(external, ["--list", "--json", "--weights-folder", str(tmp_path)])
    assert {row["metric"]: row["state"] for row in json.loads(before.stdout)} == dict.fromkeys(NAMES, "weights missing")
    (tmp_path / "passt-s-f128-p16-s10-ap.476-swa.pt").write_bytes(b"")
    (tmp_path / "clap-htsat-fused").mkdir()
    after = CliRunner().invoke(external, ["--list", "--json", "--weights-folder", str(tmp_path)])
    states = {row["metric"]: row["state"] for row in json.loads(after.stdout)}
    assert states == {"fd-openl3": "weights missing", "kl-passt": "found", "clap": "found", "cocola": "weights missing"}
    table = CliRunner().invoke(external, ["--list", "--weights-folder", str(tmp_path)])
    assert table.exit_code == 0
    assert all(name in table.output for name in NAMES)


def test_a_metric_runs_from_the_command_line_and_minds_the_hash(sounds):
    pytest.importorskip("librosa")
    (sounds / "weights").mkdir()
    path = sounds / "weights" / "openl3_audio_mel256_music.safetensors"
    save_file(dict(OpenL3().state_dict()), path)
    done = run(sounds, "fd-openl3", "--json", "--hop", "1", "--channels", "1", "--sha256", needs.file_hash(path))
    told = json.loads(done.stdout)
    assert (told["state"], told["reference_windows"], told["generated_windows"]) == ("measured", 2, 2)
    assert abs(told["value"]) < 1e-6
    told = json.loads(run(sounds, "fd-openl3", "--json", "--sha256", "00" * 32).stdout)
    assert (told["state"], needs.file_hash(path) in told["reason"]) == ("weights wrong", True)


class Opened:
    def __reduce__(self):
        return print, ("a pickle ran",)


def test_weights_are_never_unpickled(tmp_path, capsys):
    torch.save({"state_dict": {"w": torch.ones(2)}, "epoch": 3, "extra": Opened()}, tmp_path / "bad.pt")
    with pytest.raises(Unavailable, match=r"holds a Python object \(print\)"):
        read_weights(tmp_path / "bad.pt")
    assert "a pickle ran" not in capsys.readouterr().out
    pickle.loads(pickle.dumps(Opened()))
    assert "a pickle ran" in capsys.readouterr().out
    torch.save({"state_dict": {"w": torch.ones(2)}, "epoch": 3}, tmp_path / "good.pt")
    assert read_weights(tmp_path / "good.pt")["w"].sum() == 2
    (tmp_path / "cut.safetensors").write_bytes(b"\x00")
    with pytest.raises(Unavailable, match="not a whole safetensors file"):
        read_weights(tmp_path / "cut.safetensors")


def test_prompts_are_an_object_of_strings(tmp_path):
    (tmp_path / "p.json").write_text('{"a.wav": "calm", "b.1": "fast"}')
    assert read_prompts(tmp_path / "p.json") == {"a": "calm", "b.1": "fast"}
    for content in ("[1]", '{"a": 3}', "{"):
        (tmp_path / "p.json").write_text(content)
        with pytest.raises(LmdmTrainError, match=r"p\.json"):
            read_prompts(tmp_path / "p.json")
