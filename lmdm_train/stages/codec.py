"""Codec stage: trains the spectral codec on recordings, or its decoder alone."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from lmdm_train.codec.files import load_codec, save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.data.audio import AudioProblem, read_audio
from lmdm_train.data.encoder import codec_of_checkpoint
from lmdm_train.data.layouts import Piece, find_pieces
from lmdm_train.engine.demo import write_sound
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage, StepRandom
from lmdm_train.errors import LmdmTrainError
from lmdm_train.stages.spectral_loss import spectral_distance
from lmdm_train.strict import Strict

SKIPPED = 4  # frames at the start of a crop that are not judged: the decoder's carried state is not that of a stream there
DEMO_SECONDS = 10.0


class CodecSettings(Strict):
    """What one micro-batch trains.

    Attributes:
        music: folder of recordings: rendered tracks, Slakh2100, or loose audio files.
        held_out_share: share of loose files that are kept for demos; tracks have their own split.
        init: a codec, or an instrument's checkpoint, whose weights training begins with.
        freeze_encoder: train the decoder alone, so that frames, and instruments made for them, stay as they are.
        frames: length of a crop.
        latent_noise: standard deviation of noise on unit-variance frames, which makes the decoder tolerant of a generator's errors.
        smoothness: weight of squared steps between neighbouring frames, which keeps them predictable.
    """

    music: Path = Path("data/music")
    held_out_share: float = Field(default=0.0, ge=0, lt=1)
    init: Path | None = None
    freeze_encoder: bool = False
    frames: int = Field(default=40, gt=SKIPPED)
    learning_rate: float = Field(default=1.5e-3, gt=0)
    latent_noise: float = Field(default=0.15, ge=0)
    smoothness: float = Field(default=0.02, ge=0)


class CodecConfig(Strict):
    """Configuration of `lmdm train codec`; with `training.init` the codec is that of the file."""

    run: RunSettings = RunSettings()
    training: CodecSettings = CodecSettings()
    codec: SpectralConfig = SpectralConfig()


@dataclass(frozen=True)
class Prepared:
    """Waveform [samples] and analysis features [frames, features] (fp16) of one recording."""

    audio: Tensor
    features: Tensor


def build_stage(config: CodecConfig, role: str = "codec") -> CodecStage:
    """The stage of a configuration, with its recordings analysed.

    Raises:
        LmdmTrainError: there is no recording that is long enough, or `init` is no spectral codec or another one than configured.
    """
    settings = config.training
    codec = SpectralCodec(config.codec) if settings.init is None else _load(settings.init)
    if settings.init is not None and "codec" in config.model_fields_set and codec.config != config.codec:
        raise LmdmTrainError(f"{settings.init} has the codec {codec.config}, the configuration asks for {config.codec}; leave out [codec]")
    pieces, _ = find_pieces(settings.music, settings.held_out_share)
    music = prepare(codec, [piece for piece in pieces if not piece.held_out], settings.frames)
    if not music:
        raise LmdmTrainError(
            f"{settings.music} holds no readable recording of {settings.frames} frames "
            f"({settings.frames * codec.frame_size / codec.sample_rate:.1f} s); make some with: lmdm data compose -o {settings.music}"
        )
    # Without held-out music the demos play what was trained on.
    return CodecStage(codec, music, config, next((piece for piece in pieces if piece.held_out), pieces[0]))


def _load(path: Path) -> SpectralCodec:
    try:
        is_codec = "kind" in json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError):
        is_codec = True  # load_codec says what is wrong
    codec = load_codec(path) if is_codec else codec_of_checkpoint(path)[0]
    if not isinstance(codec, SpectralCodec):
        raise LmdmTrainError(f"{path} holds a {type(codec).__name__}; this stage trains spectral codecs")
    return codec


def prepare(codec: SpectralCodec, pieces: list[Piece], least: int) -> list[Prepared]:
    """The fixed analysis of every recording, computed once; what is corrupt or shorter than `least` frames is named and left out."""
    prepared: list[Prepared] = []
    console = Console(stderr=True)
    for piece in track(pieces, "analysing", console=console, transient=True, disable=not console.is_terminal):
        try:
            audio = torch.from_numpy(read_audio(piece.mix, codec.sample_rate, 1)[0])
        except AudioProblem as problem:
            console.print(f"left out: {problem}", highlight=False, markup=False)
            continue
        audio = audio[: len(audio) // codec.frame_size * codec.frame_size]
        if len(audio) >= least * codec.frame_size:
            history = codec.encoder_state()["history"][0]
            with torch.no_grad():
                features = codec.features(torch.cat([history, audio[None]], dim=1))[0]
            prepared.append(Prepared(audio, features.half()))
    return prepared


class CodecStage(Stage):
    """Multi-resolution spectral distance of what the decoder makes of noisy frames."""

    averaged = "codec"

    def __init__(self, codec: SpectralCodec, music: list[Prepared], config: CodecConfig, shown: Piece | None = None) -> None:
        self.codec, self.music, self.config, self.shown = codec, music, config, shown
        codec.train().requires_grad_(True)
        if config.training.freeze_encoder:
            codec.encoder.requires_grad_(False)
            # Its running moments are part of what a frame means.
            codec.latent_norm.eval()

    def modules(self) -> dict[str, nn.Module]:
        return {"codec": self.codec}

    def optimised(self, phase: str) -> str:
        return "codec"

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        trained = [p for p in self.codec.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=self.config.training.learning_rate, betas=(0.9, 0.98), weight_decay=1e-4)

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        """`distance` to the recording and `change`, the mean squared step between neighbouring frames."""
        codec, settings, batch = self.codec, self.config.training, self.config.run.batch
        features, audio = self._draw(random.python, batch)
        frames = codec.encode_features(features)
        change = (frames[:, :, 1:] - frames[:, :, :-1]).square().mean()
        state = {
            key: value.to(audio.device) if key == "clock" else value.to(audio.device).expand(batch, -1, -1)
            for key, value in codec.decoder_state().items()
        }
        state["clock"] = torch.tensor([float(random.python.randrange(1024))], device=audio.device)
        made, _ = codec.decode_step(frames + settings.latent_noise * torch.randn_like(frames), state)
        skip = SKIPPED * codec.frame_size
        with torch.autocast(audio.device.type, enabled=False):
            distance = spectral_distance(made[:, 0, skip:].float(), audio[:, skip:])
        return {"loss": distance + settings.smoothness * change, "distance": distance, "change": change}

    def _draw(self, rng: random.Random, batch: int) -> tuple[Tensor, Tensor]:
        """Features [batch, frames, features] and audio [batch, samples] of random crops, on the codec's device."""
        features, audio = [], []
        size, length = self.codec.frame_size, self.config.training.frames
        for _ in range(batch):
            item = rng.choice(self.music)
            start = rng.randrange(item.features.shape[0] - length + 1)
            features.append(item.features[start : start + length].float())
            audio.append(item.audio[start * size : (start + length) * size])
        device = self.codec.tone_phase.device
        return torch.stack(features).to(device), torch.stack(audio).to(device)

    def demo(self, folder: Path, averaged: nn.Module | None) -> None:
        """A held-out recording as it is and as the codec keeps it."""
        if self.shown is None:
            return
        codec = self._product(averaged)
        audio = torch.from_numpy(read_audio(self.shown.mix, codec.sample_rate, 1)[0])
        whole = int(DEMO_SECONDS * codec.sample_rate) // codec.frame_size * codec.frame_size
        audio = audio[: min(whole, len(audio) // codec.frame_size * codec.frame_size)].to(codec.tone_phase.device)
        made = codec.decode(codec.encode(audio[None, None]))[0]
        write_sound(folder / "original", audio[None], codec.sample_rate)
        write_sound(folder / "coded", made, codec.sample_rate)

    def save(self, path: Path, averaged: nn.Module | None) -> None:
        save_codec(path, self._product(averaged))

    def _product(self, averaged: nn.Module | None) -> SpectralCodec:
        codec = self.codec if averaged is None else averaged
        assert isinstance(codec, SpectralCodec)
        return codec.eval()
