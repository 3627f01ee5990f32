"""Renders a composed piece with FluidSynth to the Slakh2100 folder layout: stems, mix, MIDI and metadata."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile

from lmdm_train.data.compose import Piece, Stem
from lmdm_train.errors import LmdmTrainError

SAMPLE_RATE = 44_100
SOUNDFONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf2/TimGM6mb.sf2", "/usr/share/soundfonts/FluidR3_GM.sf2")
TICKS = 480
TARGET_RMS, PEAK = 0.1, 0.8


def find_soundfont(path: str | None = None) -> Path:
    """The given soundfont, or the first General MIDI soundfont of a packaged place; raises LmdmTrainError with what to install."""
    for candidate in (path,) if path else SOUNDFONTS:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise LmdmTrainError(
        f"no General MIDI soundfont found (looked for {path or ', '.join(SOUNDFONTS)}): apt-get install fluid-soundfont-gm"
    )


def write_midi(stem: Stem, bpm: int, path: Path) -> None:
    """One stem as a format-0 MIDI file."""
    channel = 9 if stem.is_drum else 0
    events = [(round(n.start * TICKS), 1, n) for n in stem.notes] + [(round((n.start + n.length) * TICKS), 0, n) for n in stem.notes]
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))])
    if not stem.is_drum:
        track.append(mido.Message("program_change", channel=channel, program=stem.program))
    now = 0
    for tick, is_on, note in sorted(events, key=lambda e: (e[0], e[1], e[2].pitch)):
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, channel=channel, note=note.pitch, velocity=note.velocity if is_on else 0, time=tick - now))
        now = tick
    midi = mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track])
    midi.save(path)


def _synthesise(midi: Path, soundfont: Path, samples: int) -> np.ndarray:
    """Mono float32 audio of one MIDI file, cut or zero-padded to `samples`."""
    wav = midi.with_suffix(".wav")
    command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", str(SAMPLE_RATE), "-o", "synth.reverb.active=0", "-o", "synth.chorus.active=0"]
    command += ["-o", "synth.dynamic-sample-loading=1", "-T", "wav", "-F", str(wav), str(soundfont), str(midi)]
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise LmdmTrainError("fluidsynth is not installed: apt-get install fluidsynth fluid-soundfont-gm") from None
    except subprocess.CalledProcessError as failure:
        raise LmdmTrainError(f"fluidsynth failed on {midi.name}: {failure.stderr.decode(errors='replace').strip()[:200]}") from None
    audio, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    wav.unlink()
    mono = audio.mean(axis=1)
    return np.pad(mono, (0, max(0, samples - len(mono))))[:samples]


def render(piece: Piece, folder: Path, soundfont: Path) -> Path:
    """Render `piece` into `folder/TrackNNNNN` (mix.flac, stems/, MIDI/, metadata.json), atomically; an existing track is kept.

    Levels: the mix has an rms of 0.1 unless its peak would pass 0.8, and the stems carry the same gain, so that they sum to the mix.
    """
    track = folder / f"Track{piece.seed:05d}"
    if (track / "metadata.json").is_file():
        return track
    folder.mkdir(parents=True, exist_ok=True)
    samples = round(piece.seconds * SAMPLE_RATE)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".render-") as scratch:
        work = Path(scratch) / "track"
        (work / "stems").mkdir(parents=True)
        (work / "MIDI").mkdir()
        audio = []
        for index, stem in enumerate(piece.stems):
            midi = work / "MIDI" / f"S{index:02d}.mid"
            write_midi(stem, piece.bpm, midi)
            audio.append(_synthesise(midi, soundfont, samples))
        mix = np.sum(audio, axis=0)
        gain = min(TARGET_RMS / max(float(np.sqrt(np.mean(mix**2))), 1e-6), PEAK / max(float(np.abs(mix).max()), 1e-6))
        soundfile.write(work / "mix.flac", mix * gain, SAMPLE_RATE, subtype="PCM_16")
        for index, stem_audio in enumerate(audio):
            soundfile.write(work / "stems" / f"S{index:02d}.flac", stem_audio * gain, SAMPLE_RATE, subtype="PCM_16")
        stems = {
            f"S{i:02d}": {"inst_class": s.role, "midi_program_name": s.instrument, "program_num": s.program, "is_drum": s.is_drum}
            for i, s in enumerate(piece.stems)
        }
        metadata = {
            "prompt": piece.caption,
            "style": piece.style,
            "key": piece.key,
            "mode": piece.mode,
            "bpm": piece.bpm,
            "seconds_total": piece.seconds,
            "sample_rate": SAMPLE_RATE,
            "seed": piece.seed,
            "soundfont_sha256": _sha256(soundfont),
            "stems": stems,
        }
        (work / "metadata.json").write_text(json.dumps(metadata, indent=1))
        shutil.rmtree(track, ignore_errors=True)
        os.replace(work, track)
    return track


_HASHES: dict[Path, str] = {}


def _sha256(path: Path) -> str:
    if path not in _HASHES:
        with path.open("rb") as handle:
            _HASHES[path] = hashlib.file_digest(handle, "sha256").hexdigest()
    return _HASHES[path]
