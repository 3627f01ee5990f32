"""The sound device that `lmdm stream` plays to, and the synthesiser with its soundfont that `lmdm data` renders with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from lmdm_runtime.distribution import install_command
from lmdm_runtime.doctor.finding import Finding

SOUNDFONT_FOLDERS = ("/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/soundfonts", "/opt/homebrew/share/soundfonts")


def device() -> Finding:
    try:
        import sounddevice
    except ImportError:
        return Finding(
            "sound device", "optional", "package sounddevice is not installed; only `lmdm stream` needs it", install_command("play")
        )
    except OSError as failure:
        return Finding("sound device", "optional", f"PortAudio cannot be loaded: {failure}", "apt-get install libportaudio2")
    try:
        chosen = sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError) as failure:
        fix = "plug in or enable an output; `lmdm generate` writes files without one"
        return Finding("sound device", "optional", f"no output device ({failure})", fix)
    found = f"{chosen['name']}, {chosen['default_samplerate']:g} Hz, {chosen['default_low_output_latency'] * 1000:.0f} ms"
    return Finding("sound device", "ok", found, details={"name": chosen["name"], "sample_rate": chosen["default_samplerate"]})


def fluidsynth() -> Finding:
    program = shutil.which("fluidsynth")
    if program is None:
        return Finding("fluidsynth", "optional", "not found; only `lmdm data` needs it", "apt-get install fluidsynth")
    try:
        output = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as failure:
        return Finding("fluidsynth", "optional", f"{program} does not run: {failure}", "apt-get install --reinstall fluidsynth")
    version = next((line.split()[-1] for line in output.splitlines() if "version" in line.lower()), "version unknown")
    return Finding("fluidsynth", "ok", f"{version} ({program})", details={"version": version, "path": program})


def soundfont() -> Finding:
    fonts = sorted(path for folder in SOUNDFONT_FOLDERS for path in Path(folder).glob("*.sf2"))
    if not fonts:
        return Finding("soundfont", "optional", "none found; only `lmdm data` needs one", "apt-get install timgm6mb-soundfont")
    return Finding("soundfont", "ok", ", ".join(path.name for path in fonts), details={"paths": [str(path) for path in fonts]})
