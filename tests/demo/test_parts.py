"""The demo's parts: when prompts change, what a block costs, what the pictures show, what the page says."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from rich.console import Console

from lmdm_export.demo.latency import summarise
from lmdm_export.demo.page import figure, flac, write_page
from lmdm_export.demo.pictures import plot_cost, plot_spectrogram, spectrogram_db
from lmdm_export.demo.score import block_count, in_turn
from lmdm_export.demo.summary import latency_facts, parity_facts
from lmdm_export.demo.terminal import print_summary
from lmdm_export.validate.bounds import Bound
from lmdm_export.validate.report import Check, Control, Report

RATE = 8000


def test_prompts_take_equal_turns() -> None:
    assert in_turn(30.0, ("a", "b", "c")).by_block(0.5) == {0: (("a", 1.0),), 20: (("b", 1.0),), 40: (("c", 1.0),)}


@pytest.mark.parametrize(("seconds", "block", "count"), [(1.0, 0.3, 4), (0.1, 0.3, 1), (0.9, 0.3, 3), (30.0, 8 * 2048 / 44100, 81)])
def test_the_last_block_is_whole(seconds: float, block: float, count: int) -> None:
    assert block_count(seconds, block) == count


def test_latency_counts_late_blocks_and_stages_that_did_not_always_run() -> None:
    latency = summarise(
        [10.0, 20.0, 250.0, 20.0], [{"text": 4.0, "steps": 6.0}, {"steps": 8.0}, {"steps": 8.0}, {"steps": 8.0}], 100.0, 5.0
    )
    assert latency.late_blocks == 1
    assert [(cost.stage, cost.runs) for cost in latency.stages] == [("text", 1), ("steps", 4)]
    assert latency.whole.p50 == 20.0
    assert latency.headroom == pytest.approx(1 - latency.whole.p95 / 100.0)
    assert latency.speed == pytest.approx(100.0 / latency.whole.p95)
    assert latency.round_trip_ms == pytest.approx(105.0 + latency.whole.p95)


@pytest.mark.parametrize("hertz", [220.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_its_own_band(hertz: float) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE)
    decibels, centres = spectrogram_db(tone, RATE)
    middle = decibels[:, decibels.shape[1] // 2]
    assert centres[middle.argmax()] == pytest.approx(hertz, rel=0.02)
    assert middle.max() > np.median(middle) + 40


def test_pictures_are_written_whole_and_show_where_the_prompt_changes(tmp_path: Path) -> None:
    audio = np.random.default_rng(0).normal(size=(2, 3 * RATE)).astype(np.float32) * 0.1
    plot_spectrogram(tmp_path / "plain.png", audio, RATE, [], 0.0)
    plot_spectrogram(tmp_path / "marked.png", audio, RATE, [(1.0, "first"), (2.0, "a prompt " * 20)], 1.0)
    plain, marked = (np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int) for name in ("plain.png", "marked.png"))
    assert plain.shape == marked.shape
    assert (np.abs(plain - marked).sum(axis=2) > 100).any(axis=0).sum() > 4
    plot_cost(tmp_path / "cost.png", [{"steps": 3.0}, {"text": 1.0, "steps": 3.0}], [4.0, 5.0], 10.0)
    assert Image.open(tmp_path / "cost.png").size[0] > 1000
    assert {path.name for path in tmp_path.iterdir()} == {"plain.png", "marked.png", "cost.png"}


@pytest.mark.parametrize(
    ("value", "text"), [(None, "∞"), (0.0, "0"), (1.5, "1.5"), (1.234e-7, "1.2e-07"), (0.25, "0.25"), (250_000.0, "250,000")]
)
def test_figures_are_short(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_flac_keeps_the_audio() -> None:
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, size=(2, 500)).astype(np.float32)
    back, rate = soundfile.read(io.BytesIO(flac(audio, RATE)), dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(back.T, audio, atol=2**-15)


def summary(prompt: str = "first") -> dict[str, Any]:
    report = Report("bundle", "tiny.safetensors")
    report.checks.append(Check(1, "velocity", "max abs", 1e-6, Bound(1e-5, "16 x rounding", 6e-7)))
    report.checks.append(Check(2, "block", "max abs", 2e-5, Bound(1e-5, "16 x rounding", 6e-7)))
    report.controls.append(Control(3, "stale cross K/V", "max abs", 0.5, 1e-5))
    return {
        "version": "0.1.0",
        "seed": 0,
        "folder": "out/demo",
        "instrument": {
            "name": "tiny",
            "pattern": "encoder-decoder",
            "layout": "12/4",
            "parameters": 12_345,
            "solver": "euler",
            "steps": 4,
            "guidance": "cfg",
            "guidance_scale": 2.0,
            "codec": "oobleck",
            "sample_rate": RATE,
        },
        "machine": {"processor": "a processor", "cores": 2.0, "features": []},
        "parity": parity_facts(report),
        "latency": latency_facts(summarise([4.0, 5.0], [{"steps": 3.0}, {"steps": 3.0}], 10.0)),
        "music": {"seconds": 2.0, "primer_seconds": 1.0, "marks": [[1.0, prompt], [2.0, "second"]], "load_ms": 1.0, "prime_ms": 1.0},
        "sizes": {"bundle_bytes": 2_000_000, "checkpoint_bytes": 1_000_000},
        "seconds": {"export": 1.0, "play": 2.0},
        "files": {"bundle": "bundle", "audio": "demo.wav"},
    }


def test_the_page_holds_everything_and_closes_what_it_opens(tmp_path: Path) -> None:
    audio = np.zeros((1, RATE), dtype=np.float32)
    for name in ("a.png", "b.png"):
        plot_cost(tmp_path / name, [{"steps": 3.0}], [4.0], 10.0)
    write_page(tmp_path / "index.html", summary("<script>alert(1)</script>"), tmp_path / "a.png", tmp_path / "b.png", audio, RATE)
    page = (tmp_path / "index.html").read_text()
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("data:image/png;base64,") == 2
    assert page.count("data:audio/flac;base64,") == 1
    for text in ("1 of 2", "1 of 1", "stale cross K/V", "FAIL", "caught", "encoder-decoder", "12,345"):
        assert text in page


class Balance(HTMLParser):
    """Follows opening and closing tags."""

    VOID = frozenset({"meta", "img", "link", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        # A cell or row may be left to the next one to close.
        while self.open and self.open[-1] != tag and self.open[-1] in ("td", "th", "tr"):
            self.open.pop()
        assert self.open.pop() == tag


def test_the_terminal_names_verdicts_costs_and_files() -> None:
    console = Console(file=io.StringIO(), width=160)
    print_summary(summary("[b]not markup[/b]"), console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("1 of 2 checks", "1 of 1 made on purpose", "p50 4 ms", "[b]not markup[/b]", "demo.wav", "export 1 s"):
        assert part in text
