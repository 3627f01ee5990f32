"""`lmdm demo` from the command line, on a small instrument with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.cli import main
from lmdm_train.checkpoint import save_instrument
from tests.bundles import spectral_config
from tests.small_instruments import small_instrument


@pytest.fixture
def primer(tmp_path: Path) -> Path:
    time = np.arange(44_100) / 44_100
    soundfile.write(tmp_path / "primer.wav", 0.3 * np.sin(2 * np.pi * 440 * time) * np.exp(-3 * time), 44_100)
    return tmp_path / "primer.wav"


@pytest.mark.heavy
def test_the_demo_leaves_a_valid_bundle_music_and_a_report(tmp_path: Path, primer: Path) -> None:
    checkpoint = save_instrument(tmp_path / "tiny.safetensors", small_instrument(spectral_config()))
    out = tmp_path / "demo"
    arguments = ["demo", "-o", str(out), "--checkpoint", str(checkpoint), "--primer", str(primer), "--seconds", "3", "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary == json.loads((out / "summary.json").read_text())
    assert summary["parity"]["kept"] == len(summary["parity"]["checks"]) > 0
    assert summary["parity"]["caught"] == len(summary["parity"]["controls"]) > 0
    assert len(summary["music"]["marks"]) == 3
    assert summary["latency"]["whole"]["runs"] == len(np.arange(0, 3, summary["latency"]["period_ms"] / 1000))
    assert load_bundle(out / "bundle").manifest.name == "tiny-spectral"
    audio, rate = soundfile.read(out / "demo.wav")
    assert audio.size / rate == pytest.approx(1 + 3, abs=0.05)
    assert sorted(path.name for path in out.iterdir()) == sorted(summary["files"].values())


@pytest.mark.parametrize(("option", "name"), [("--checkpoint", "no.safetensors"), ("--primer", "no.wav")])
def test_a_missing_file_is_named_before_anything_is_written(tmp_path: Path, primer: Path, option: str, name: str) -> None:
    checkpoint = save_instrument(tmp_path / "tiny.safetensors", small_instrument(spectral_config()))
    given = {"--checkpoint": str(checkpoint), "--primer": str(primer), option: str(tmp_path / name)}
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path / "demo"), *(part for pair in given.items() for part in pair)])
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert str(tmp_path / name.partition(".")[0]) in last
    assert not (tmp_path / "demo").exists()
