"""FD-OpenL3 end to end on random weights, its front end against librosa, and its weights in each form they come in."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from lmdm_train.evaluate.adapters.base import Request
from lmdm_train.evaluate.adapters.needs import Unavailable
from lmdm_train.evaluate.adapters.openl3 import OpenL3Distance, embed
from lmdm_train.evaluate.adapters.openl3_net import OpenL3

librosa = pytest.importorskip("librosa")


@pytest.fixture(scope="module")
def network() -> OpenL3:
    torch.manual_seed(0)
    made = OpenL3()
    for name, value in made.state_dict().items():
        if value.ndim == 4:
            torch.nn.init.kaiming_normal_(value)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2)
    made.batch_normalization_1.running_mean.fill_(-40)
    made.batch_normalization_1.running_var.fill_(400)
    return made.eval()


def test_the_front_end_is_slaney_bands_of_magnitude_in_decibels(network):
    audio = np.random.default_rng(0).standard_normal(48000).astype(np.float32)
    frames = -(-48000 // 242)
    padded = np.pad(audio, (0, (frames - 1) * 242 + 2048 - 48000))
    magnitude = np.abs(librosa.stft(padded, n_fft=2048, hop_length=242, center=False))
    level = librosa.amplitude_to_db(librosa.feature.melspectrogram(S=magnitude, sr=48000, n_mels=256, power=1), top_db=None) / 2
    expected = np.maximum(level - level.max(), -80)
    heard = network.decibels(torch.from_numpy(audio)[None])[0].numpy()
    assert heard.shape == (256, 199)
    assert np.abs(heard - expected).max() < 2e-3
    power = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2, sr=48000, n_mels=256), top_db=None) / 2
    assert np.abs(heard - np.maximum(power - power.max(), -80)).max() > 0.5


@pytest.mark.parametrize(("seconds", "hop", "count"), [(0.4, 0.5, 1), (1.0, 0.5, 2), (3.0, 0.5, 6), (3.0, 1.0, 4)])
def test_windows_start_half_a_second_early(seconds, hop, count):
    assert embed(Listener(), np.zeros(int(48000 * seconds), dtype=np.float32), hop).shape == (count, 32)


def test_the_level_of_a_file_changes_nothing_and_its_sound_does(network):
    audio = np.random.default_rng(2).standard_normal(24000).astype(np.float32)
    one = embed(network, audio, 1.0)
    assert np.allclose(one, embed(network, 0.1 * audio, 1.0), atol=1e-4)
    assert np.abs(one - embed(network, np.cumsum(audio).astype(np.float32), 1.0)).max() > 0.01


class Listener(OpenL3):
    """The front end alone, since it costs a thousandth of the network: mean level of each band, eight bands together, [B, 32]."""

    def forward(self, audio):
        return self.decibels(audio).mean(dim=2).reshape(-1, 32, 8).mean(dim=2)


def folder_of(path, noise: float, seed: int):
    path.mkdir()
    rng = np.random.default_rng(seed)
    n = np.arange(2 * 44100)
    for index in range(3):
        tone = np.sin(2 * np.pi * 220 * (index + 1) * n / 44100)[:, None].repeat(2, axis=1)
        soundfile.write(path / f"{index}.wav", 0.3 * tone + noise * rng.standard_normal((len(n), 2)), 44100)
    return path


def test_noisier_audio_lies_further_off(tmp_path):
    adapter, listener = OpenL3Distance(), Listener()
    real = folder_of(tmp_path / "real", 0.001, 0)
    near, far = (folder_of(tmp_path / name, noise, 1) for name, noise in (("near", 0.002), ("far", 0.3)))
    results = [adapter.measure(listener, Request(made, real)) for made in (real, near, far)]
    same, close, distant = (float(result["value"]) for result in results)
    assert abs(same) < 0.01 * close < 0.1 * distant
    assert (results[0]["features"], results[0]["reference_windows"]) == (64, 12)
    assert adapter.measure(listener, Request(near, real, channels=1, hop=1.0))["features"] == 32


def test_torch_and_keras_files_hold_the_same_network(network, tmp_path):
    h5py = pytest.importorskip("h5py")
    torch.save(network.state_dict(), tmp_path / "w.pt")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_keras(file, network)
    audio = torch.randn(1, 48000)
    expected = network(audio)
    for name in ("w.pt", "w.h5"):
        assert torch.equal(OpenL3Distance().load(tmp_path / name, "cpu")(audio), expected)


def write_keras(file, network: OpenL3) -> None:
    """As Keras saves: layers in order, a front end without weights first, kernels [height, width, in, out]."""
    names = ["stft", *(name for name, child in network.named_children() if any(True for _ in child.parameters()))]
    state = network.state_dict()
    file.attrs["layer_names"] = [name.encode() for name in names]
    for name in names:
        group = file.create_group(name)
        if name == "stft":
            arrays = {}
        elif name.startswith("batch"):
            keys = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
            arrays = {theirs: state[f"{name}.{ours}"] for theirs, ours in keys.items()}
        else:
            arrays = {"kernel": state[f"{name}.weight"].permute(2, 3, 1, 0), "bias": state[f"{name}.bias"]}
        group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for key in arrays]
        for key, value in arrays.items():
            group[f"{name}/{key}:0"] = value.numpy()


def test_weights_of_another_network_are_named(network, tmp_path):
    state = dict(network.state_dict())
    for change, said in (
        (lambda s: s.pop("conv2d_3.weight"), "lacks conv2d_3.weight"),
        (lambda s: s.update({"other.weight": torch.zeros(1)}), "unknown other.weight"),
        (lambda s: s.update({"conv2d_3.bias": torch.zeros(7)}), "another shape for conv2d_3.bias"),
    ):
        changed = dict(state)
        change(changed)
        save_file(changed, tmp_path / "w.safetensors")
        with pytest.raises(Unavailable, match=said) as caught:
            OpenL3Distance().load(tmp_path / "w.safetensors", "cpu")
        assert caught.value.kind == "weights wrong"
