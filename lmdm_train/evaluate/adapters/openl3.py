"""FD-OpenL3: Fréchet distance between OpenL3 embeddings of two folders (paper section A.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from torch import Tensor

from lmdm_train.data.audio import read_audio
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.adapters.base import Adapter, Request
from lmdm_train.evaluate.adapters.needs import Package, Unavailable, Weights, fit, read_weights
from lmdm_train.evaluate.adapters.openl3_net import CHANNELS, RATE, OpenL3
from lmdm_train.evaluate.adapters.sounds import Array, audio_files, peak_normalised, windows
from lmdm_train.evaluate.distance import frechet_distance

BANDWIDTH_RATE, HOP_SECONDS, BATCH = 44_100, 0.5, 16
H5PY = Package("h5py", "h5py>=3.10")


class OpenL3Distance(Adapter):
    """As stable-audio-metrics, src/openl3_fd.py, does for Song Describer: `music` weights, both channels side by side (1,024 values; 512
    for one channel), 44.1 kHz of bandwidth, a window of 1 s every 0.5 s from half a second before the start (`center=True`).

    The paper's drift (Fig. 4) takes a hop of 1 s. Its toolkit's own script (Saito et al. 2025) is set to `env` weights and one channel, for
    sound effects; the paper does not say which it used for music. Resampling to 48 kHz is by soxr, openl3's own by resampy.
    """

    name = "fd-openl3"
    title = "FD-OpenL3"
    better = "lower"
    packages = (Package("librosa", "librosa>=0.11"),)
    weights = Weights(
        ("openl3_audio_mel256_music.safetensors", "openl3_audio_mel256_music.h5", "openl3_audio_mel256_music-v0_4_0.h5"),
        "the branch `models` of github.com/marl/openl3 (openl3_audio_mel256_music-v0_4_0.h5.gz, unpacked)",
    )

    def load(self, weights: Path, device: str) -> OpenL3:
        tensors = read_keras(weights) if weights.suffix in (".h5", ".hdf5") else read_weights(weights)
        network = OpenL3()
        fit(network, tensors, weights, ignored=("speclayer.",))
        return network.to(device)

    def measure(self, network: OpenL3, request: Request) -> dict[str, float | int]:
        assert request.reference is not None
        real, made = audio_files(request.reference), audio_files(request.generated)
        hop, heard, sets = request.hop or HOP_SECONDS, 0, []
        for files in (real, made):
            rows = []
            for path in files.values():
                rows.append(embed_file(network, path, request.channels, hop, request.device))
                heard += 1
                request.tick(heard)
            sets.append(np.concatenate(rows))
        value = frechet_distance(sets[0], sets[1])
        counts = {"reference_windows": len(sets[0]), "generated_windows": len(sets[1])}
        return {"value": value, **counts, "features": sets[0].shape[1], "hop_seconds": hop}


def embed_file(network: OpenL3, path: Path, channels: int, hop: float, device: str = "cpu") -> Array:
    """Embeddings of a file, [windows, 512 * channels]."""
    audio = soxr.resample(peak_normalised(read_audio(path, BANDWIDTH_RATE, channels)).T, BANDWIDTH_RATE, RATE).T
    return np.concatenate([embed(network, channel, hop, device) for channel in audio], axis=1)


@torch.no_grad()
def embed(network: OpenL3, audio: Array, hop: float, device: str = "cpu") -> Array:
    """Mono audio [samples] at 48 kHz -> [windows, 512], windows of 1 s every `hop` seconds, the first centred on the start."""
    if int(hop * RATE) < 1:
        raise LmdmTrainError(f"a hop of {hop} s is less than one sample; give a longer one")
    cut = windows(np.pad(audio, (RATE // 2, 0)), RATE, int(hop * RATE))
    rows = [network(torch.from_numpy(cut[at : at + BATCH].copy()).float().to(device)).cpu() for at in range(0, len(cut), BATCH)]
    return torch.cat(rows).numpy()


def read_keras(path: Path) -> dict[str, Tensor]:
    """Keras weights of openl3 (HDF5, which holds arrays and no code) under the names of `OpenL3`, in the order of the layers.

    Raises:
        Unavailable: h5py is missing, or the file is unreadable or of another network.
    """
    if not H5PY.present():
        raise Unavailable("package missing", f"{path} needs the package h5py, not installed; run: pip install '{H5PY.install}'")
    import h5py

    norms: list[dict[str, Tensor]] = []
    convolutions: list[dict[str, Tensor]] = []
    try:
        with h5py.File(path, "r") as file:
            root: Any = file.get("model_weights", file)
            for layer in root.attrs["layer_names"]:
                keys = [_text(key) for key in root[_text(layer)].attrs["weight_names"]]
                arrays = {key.split("/")[-1].split(":")[0]: np.asarray(root[_text(layer)][key]) for key in keys}
                if "gamma" in arrays:
                    names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
                    norms.append({own: torch.from_numpy(arrays[key]) for own, key in names.items()})
                elif "kernel" in arrays:
                    kernel = torch.from_numpy(arrays["kernel"]).permute(3, 2, 0, 1)
                    convolutions.append({"weight": kernel.contiguous(), "bias": torch.from_numpy(arrays["bias"])})
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as failure:
        raise Unavailable("weights wrong", f"{path} is not a readable Keras weights file ({str(failure)[:100]}); copy it again") from None
    if (len(norms), len(convolutions)) != (len(CHANNELS), len(CHANNELS)):
        found = f"{len(norms)} normalisations and {len(convolutions)} convolutions"
        raise Unavailable("weights wrong", f"{path} has {found}, expected 8 of each; give OpenL3's audio weights for mel256")
    named = {f"batch_normalization_{i}.{key}": value for i, group in enumerate(norms, 1) for key, value in group.items()}
    for i, group in enumerate(convolutions, 1):
        layer_name = f"conv2d_{i}" if i < len(CHANNELS) else "audio_embedding_layer"
        named |= {f"{layer_name}.{key}": value for key, value in group.items()}
    return named


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
