"""CLAP score: cosine between LAION-CLAP embeddings of each generated file and of its prompt (paper section A.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.adapters.base import Adapter, Request
from lmdm_train.evaluate.adapters.needs import Package, Unavailable, Weights, imported
from lmdm_train.evaluate.adapters.scores import mean_cosine
from lmdm_train.evaluate.adapters.sounds import Array, audio_files, mono

RATE, LONGEST_PROMPT, SEED = 48_000, 77, 0
TRANSFORMERS = Package("transformers", "transformers>=4.57")


@dataclass(frozen=True)
class Clap:
    """The network with what prepares its inputs."""

    network: Any
    listener: Any
    reader: Any
    device: str


class ClapScore(Adapter):
    """As stable-audio-metrics, src/clap_score.py: mono at 48 kHz, peak at -1 dB, rounded to 16 bits; what is longer than 10 s by the fusion
    that the weights bring (its crops are random, here from a fixed seed). Through transformers, since the package laion-clap downloads
    when it is built.

    stable-audio-metrics' default, 630k-audioset-fusion-best.pt, is the folder laion/clap-htsat-fused; the script of the paper's toolkit
    (Saito et al. 2025) names 630k-audioset-best.pt, which is laion/clap-htsat-unfused and hears one random 10 s of a longer file.
    """

    name = "clap"
    title = "CLAP score"
    better = "higher"
    packages = (TRANSFORMERS,)
    weights = Weights(
        ("clap-htsat-fused", "clap-htsat-unfused"),
        "huggingface.co/laion/clap-htsat-fused (all its files: config, tokenizer, preprocessor and model.safetensors)",
        folder=True,
    )
    needs_reference = False
    needs_prompts = True

    def load(self, weights: Path, device: str) -> Clap:
        return imported(TRANSFORMERS, lambda: load_folder(weights, device))

    def measure(self, network: Clap, request: Request) -> dict[str, float | int]:
        files = audio_files(request.generated)
        unnamed = [name for name in files if name not in request.prompts]
        if unnamed:
            raise LmdmTrainError(
                f"{len(unnamed)} of {len(files)} files of {request.generated} have no prompt, the first is {unnamed[0]}; "
                "the prompts file maps the name of each file without its ending to its prompt"
            )
        heard = []
        for index, path in enumerate(files.values(), 1):
            heard.append(embed_audio(network, mono(path, RATE)))
            request.tick(index)
        asked = embed_text(network, [request.prompts[name] for name in files])
        shuffled = mean_cosine(torch.cat(heard), asked.roll(1, dims=0))
        return {"value": mean_cosine(torch.cat(heard), asked), "next_prompt": shuffled, "files": len(files)}


def load_folder(folder: Path, device: str) -> Clap:
    """Network, feature extractor and tokenizer of a folder; offline, and never by unpickling objects.

    Raises:
        Unavailable: a file is missing or unreadable, or the weights leave a parameter without a value.
    """
    from transformers import AutoFeatureExtractor, AutoTokenizer, ClapModel

    try:
        tensors = (folder / "model.safetensors").is_file()
        network, told = ClapModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=tensors, weights_only=True, output_loading_info=True
        )
        listener = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
        reader = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as failure:  # transformers raises whatever its parsers do, on files that a user brought
        reason = (str(failure).splitlines() or [type(failure).__name__])[0][:160]
        raise Unavailable("weights wrong", f"{folder} is not a whole folder of a CLAP model ({reason}); copy all its files again") from None
    wrong = sorted([*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])])
    if wrong:
        raise Unavailable("weights wrong", f"{folder} lacks {len(wrong)} parameters of CLAP, the first is {wrong[0]}; copy it again")
    return Clap(network.eval().to(device), listener, reader, device)


@torch.no_grad()
def embed_audio(clap: Clap, audio: Array) -> Tensor:
    """Mono audio [samples] at 48 kHz -> embedding [1, D]."""
    # Rounded as the training data was: float to 16 bits and back.
    rounded = (np.clip(audio, -1.0, 1.0) * 32767.0).astype(np.int16).astype(np.float32) / 32767.0
    with _fixed_crops():
        inputs = clap.listener(rounded, sampling_rate=RATE, return_tensors="pt")
    return _pooled(clap.network.get_audio_features(**{key: value.to(clap.device) for key, value in inputs.items()}))


@torch.no_grad()
def embed_text(clap: Clap, prompts: list[str]) -> Tensor:
    """Prompts -> embeddings [prompts, D]."""
    inputs = clap.reader(prompts, padding=True, truncation=True, max_length=LONGEST_PROMPT, return_tensors="pt")
    kept = {key: inputs[key].to(clap.device) for key in ("input_ids", "attention_mask")}
    return _pooled(clap.network.get_text_features(**kept))


def read_prompts(path: Path) -> dict[str, str]:
    """A JSON object from file name to prompt; an ending of the name is dropped.

    Raises:
        LmdmTrainError: not JSON, or not such an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise LmdmTrainError(f"{path} is not readable JSON ({str(failure)[:80]}); expected an object from file name to prompt") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise LmdmTrainError(f'{path} holds no prompts; expected a JSON object such as {{"song_01": "calm piano"}}')
    return {_stem(name): prompt for name, prompt in content.items()}


def _stem(name: str) -> str:
    from lmdm_train.data.audio import SUFFIXES

    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def _pooled(features: Any) -> Tensor:
    # transformers 5 returns an object where 4 returned the tensor.
    pooled: Tensor = features if isinstance(features, Tensor) else features.pooler_output
    return pooled.cpu().float()


@contextmanager
def _fixed_crops() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002 - transformers draws its crops from the global generator
    np.random.seed(SEED)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
