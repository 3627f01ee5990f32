"""Each network that a package builds, on random weights that were saved and loaded as the published ones would be."""

from __future__ import annotations

import enum
import json
import sys
import types

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from lmdm_train.evaluate.adapters.base import Request
from lmdm_train.evaluate.adapters.clap import ClapScore, embed_audio, embed_text
from lmdm_train.evaluate.adapters.cocola import Cocola, CocolaScore, features_of, harmonic_percussive
from lmdm_train.evaluate.adapters.needs import Unavailable
from lmdm_train.evaluate.adapters.passt import PasstDivergence, build, tag
from lmdm_train.evaluate.adapters.passt_front import LogMel, kaldi_bands


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(0)
    for folder, noise in (("real", 0.01), ("made", 0.2)):
        (tmp_path / folder).mkdir()
        for index in range(2):
            n = np.arange(6 * 16000)
            audio = 0.3 * np.sin(2 * np.pi * 220 * (index + 1) * n / 16000) + noise * rng.standard_normal(len(n))
            soundfile.write(tmp_path / folder / f"{index}.wav", audio, 16000)
    return tmp_path


def test_passt_hears_kaldis_bands():
    audio_utils = pytest.importorskip("transformers.audio_utils")
    settings = {"num_frequency_bins": 513, "num_mel_filters": 128, "min_frequency": 0.0, "max_frequency": 15000.0}
    theirs = audio_utils.mel_filter_bank(**settings, sampling_rate=32000, mel_scale="kaldi", triangularize_in_mel_space=True).T
    assert np.abs(kaldi_bands().numpy() - theirs).max() < 1e-4
    settings["max_frequency"] = 16000.0
    other = audio_utils.mel_filter_bank(**settings, sampling_rate=32000, mel_scale="kaldi", triangularize_in_mel_space=True).T
    assert np.abs(kaldi_bands().numpy() - other).max() > 0.01


def test_the_front_end_of_passt_is_that_of_its_definition():
    audio = np.random.default_rng(1).standard_normal(32000)
    steep = np.convolve(audio, [1, -0.97], "valid")
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(steep, 512, mode="reflect"), 1024)[::320]
    window = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799), 112)
    power = np.abs(np.fft.rfft(framed * window)) ** 2
    expected = (np.log(kaldi_bands().double().numpy() @ power.T + 1e-5) + 4.5) / 5
    heard = LogMel()(torch.from_numpy(audio).float()[None])[0, 0]
    assert heard.shape == (128, 100)
    assert np.abs(heard.numpy() - expected).max() < 1e-3


@pytest.fixture(scope="module")
def tagger():
    torch.manual_seed(0)
    return build().eval()


@pytest.mark.heavy
def test_passt_is_the_network_of_its_package(tagger, monkeypatch):
    pytest.importorskip("hear21passt")
    # All that it takes from timm is a function for downloads, and timm does not import without its torchvision.
    for name in ("timm", "timm.models", "timm.models._hub"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["timm.models._hub"].download_cached_file = None
    from hear21passt.models.passt import get_model

    theirs = get_model(arch="passt_s_swa_p16_128_ap476", pretrained=False).eval()
    theirs.load_state_dict(tagger[1].state_dict())
    mel = torch.randn(1, 1, 128, 1000)
    with torch.no_grad():
        assert torch.allclose(tagger[1](mel), theirs(mel)[0], atol=1e-4)
        assert not torch.allclose(tagger[1](mel), theirs(mel.flip(3))[0], atol=1e-2)


@pytest.mark.heavy
def test_passt_runs_on_saved_weights(tagger, sounds):
    torch.save(tagger[1].state_dict(), sounds / "w.pt")
    adapter = PasstDivergence()
    loaded = adapter.load(sounds / "w.pt", "cpu")
    audio = np.random.default_rng(0).standard_normal(12 * 32000).astype(np.float32)
    logits = tag(loaded, audio)
    assert logits.shape == (2, 527)
    assert torch.equal(logits, tag(tagger, audio))
    same = adapter.measure(loaded, Request(sounds / "real", sounds / "real"))
    other = adapter.measure(loaded, Request(sounds / "made", sounds / "real"))
    assert abs(float(same["value"])) < 1e-2
    assert float(other["value"]) > float(same["value"])
    broken = dict(tagger[1].state_dict())
    del broken["head.1.weight"]
    save_file(broken, sounds / "w.safetensors")
    with pytest.raises(Unavailable, match=r"lacks head\.1\.weight"):
        adapter.load(sounds / "w.safetensors", "cpu")


def test_cocola_hears_a_harmonic_and_a_percussive_part(sounds):
    pytest.importorskip("librosa")
    assert features_of(sounds / "real" / "0.wav").shape == (2, 2, 64, 501)
    tone = np.sin(2 * np.pi * 440 * np.arange(80000) / 16000).astype(np.float32)
    clicks = np.zeros(80000, dtype=np.float32)
    clicks[::8000] = 1
    harmonic, percussive = (harmonic_percussive(sound) for sound in (tone, clicks))
    # Sustained bands of a tone stand out in the first channel, onsets in the second.
    assert harmonic[0].mean(axis=1).std() > percussive[0].mean(axis=1).std()
    assert percussive[1].mean(axis=0).std() > harmonic[1].mean(axis=0).std()


def settled(network: Cocola) -> Cocola:
    """With the statistics of what it hears in its normalisations; without them random layers answer the same to everything."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        network.train().embed(40 * torch.randn(4, 2, 64, 200) - 40)
    return network.eval()


@pytest.fixture
def lightning_checkpoint(tmp_path, monkeypatch):
    """A Lightning checkpoint whose settings hold members of the repository's enumerations, as a published one does."""
    pytest.importorskip("efficientnet_pytorch")
    constants = types.ModuleType("contrastive_model.constants")
    package = types.ModuleType("contrastive_model")

    class EmbeddingMode(enum.Enum):
        RANDOM = "random"

    EmbeddingMode.__module__, EmbeddingMode.__qualname__ = "contrastive_model.constants", "EmbeddingMode"
    constants.EmbeddingMode = EmbeddingMode
    monkeypatch.setitem(sys.modules, "contrastive_model", package)
    monkeypatch.setitem(sys.modules, "contrastive_model.constants", constants)
    torch.manual_seed(0)
    network = settled(Cocola())
    settings = {"learning_rate": 0.001, "embedding_mode": EmbeddingMode.RANDOM}
    torch.save({"state_dict": network.state_dict(), "hyper_parameters": settings, "epoch": 87}, tmp_path / "w.ckpt")
    monkeypatch.undo()
    return tmp_path / "w.ckpt", network


def test_cocola_runs_on_a_saved_lightning_checkpoint(sounds, lightning_checkpoint):
    pytest.importorskip("librosa")
    path, network = lightning_checkpoint
    adapter = CocolaScore()
    loaded = adapter.load(path, "cpu")
    result = adapter.measure(loaded, Request(sounds / "made", sounds / "real"))
    assert result["pairs"] == 2
    x, y = features_of(sounds / "real" / "0.wav"), features_of(sounds / "made" / "0.wav")
    with torch.no_grad():
        one, other = (torch.tanh(network.layer_norm(network.embed(item))) for item in (x, y))
    expected = torch.einsum("bi,ij,bj->b", one, network.similarity.w.detach(), other)
    scored, _ = loaded.score(x, y)
    assert torch.allclose(scored, expected, atol=1e-4)
    assert not torch.allclose(scored, loaded.score(y, x)[0], atol=1e-4)
    assert not torch.allclose(loaded.score(x, y)[0], loaded.score(x, x)[0], atol=1e-4)


@pytest.fixture(scope="module")
def clap_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("clap")
    torch.manual_seed(0)
    text = {"vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    audio = {
        "spec_size": 256,
        "patch_embeds_hidden_size": 16,
        "hidden_size": 128,
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [1, 1, 2, 2],
        "enable_fusion": True,
        "fusion_type": "aff_2d",
        "projection_dim": 32,
    }
    config = transformers.ClapConfig(text_config={**text, "projection_dim": 32}, audio_config=audio, projection_dim=32)
    transformers.ClapModel(config).save_pretrained(folder)
    transformers.ClapFeatureExtractor(truncation="fusion", padding="repeatpad").save_pretrained(folder)
    words = {word: index for index, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "calm", "piano", "loud", "drums"])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    reader = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>")
    reader.save_pretrained(folder)
    return folder


def test_clap_runs_on_a_saved_folder(sounds, clap_folder):
    adapter = ClapScore()
    clap = adapter.load(clap_folder, "cpu")
    long = np.random.default_rng(0).standard_normal(12 * 48000).astype(np.float32)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the one that transformers draws from
    assert torch.equal(embed_audio(clap, long), embed_audio(clap, long))
    assert (before == np.random.get_state()[1]).all()  # noqa: NPY002
    texts = embed_text(clap, ["calm piano", "loud drums loud drums"])
    assert texts.shape == (2, 32)
    assert torch.allclose(embed_text(clap, ["calm piano"])[0], texts[0], atol=1e-5)
    prompts = {"0": "calm piano", "1": "loud drums"}
    result = adapter.measure(clap, Request(sounds / "made", prompts=prompts))
    assert -1 <= float(result["value"]) <= 1
    assert result["value"] != result["next_prompt"]


def test_a_folder_without_all_of_clap_is_refused(clap_folder, tmp_path):
    from safetensors.torch import load_file

    for name in clap_folder.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    kept = {key: value for key, value in load_file(clap_folder / "model.safetensors").items() if "audio_projection" not in key}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Unavailable, match="lacks 4 parameters of CLAP, the first is audio_projection"):
        ClapScore().load(tmp_path, "cpu")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clap"})[:-3])
    with pytest.raises(Unavailable, match="not a whole folder of a CLAP model") as caught:
        ClapScore().load(tmp_path, "cpu")
    assert caught.value.kind == "weights wrong"
