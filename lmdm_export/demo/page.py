"""The demo's page: one HTML file that holds its pictures and its music."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jinja2 import Environment, PackageLoader, StrictUndefined

from lmdm_export.demo.files import write_bytes


def write_page(path: Path, summary: dict[str, Any], spectrogram: Path, cost: Path, audio: np.ndarray, sample_rate: int) -> None:
    """Fill the template with `summary`, the two PNG files and `audio` [channels, samples]."""
    environment = Environment(loader=PackageLoader("lmdm_export.demo", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.get_template("page.html.j2").render(
        s=summary,
        figure=figure,
        spectrogram_png=_base64(spectrogram.read_bytes()),
        cost_png=_base64(cost.read_bytes()),
        audio_flac=_base64(flac(audio, sample_rate)),
    )
    write_bytes(path, page.encode())


def flac(audio: np.ndarray, sample_rate: int) -> bytes:
    """`audio` as 16-bit FLAC, which every browser plays."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(audio.T, -1.0, 1.0), sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def figure(value: float | None) -> str:
    """A measured figure for a table; None stands for one that is not finite."""
    if value is None:
        return "∞"
    if value and abs(value) < 0.01:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
