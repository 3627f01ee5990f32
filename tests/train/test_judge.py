"""The judge of captions: it hears what it was taught, refuses broken files, and the default instrument does as it is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.judge import QUESTIONS, SAMPLE_RATE, Heard, accuracy, answers, listen, load_judge, save_judge
from lmdm_train.evaluate.prompts import FIRST_PROMPT_SEED, prompt_following, wanted
from tests.train.small_judge import taught

DEFAULT = Path(__file__).resolve().parents[2] / "lmdm_train" / "default"


def pieces(hz: float, truth: dict[str, int], seed: int) -> Heard:
    rng = np.random.default_rng(seed)
    n = np.arange(5 * SAMPLE_RATE)
    audio = 0.2 * np.sin(2 * np.pi * hz * n / SAMPLE_RATE) + 0.02 * rng.standard_normal(len(n))
    return Heard(listen(torch.from_numpy(audio).float()[None])[0], truth)


def test_a_judge_learns_what_can_be_heard_and_no_more():
    low, high = dict.fromkeys(QUESTIONS, 0), dict.fromkeys(QUESTIONS, 1)
    heard = [pieces(220, low, i) for i in range(6)] + [pieces(3000, high, i) for i in range(6)]
    judge = taught(heard, 25)
    assert accuracy(judge, heard)["style"] == 1.0
    swapped = [Heard(item.mel, low if item.truth["style"] else high) for item in heard]
    assert accuracy(judge, swapped)["style"] == 0.0


def test_loudness_tells_the_judge_nothing():
    audio = torch.randn(1, SAMPLE_RATE) * 0.1
    assert (listen(audio) - listen(audio * 0.5)).abs().max() < 0.02


def test_a_prompt_asks_for_what_its_piece_would_have():
    prompt, want = wanted(FIRST_PROMPT_SEED + 1)
    assert want["style"] == "techno"
    assert prompt.startswith("techno")
    assert set(want) == set(QUESTIONS)
    facts = {"style": "jazz", "stems": {"S00": {"inst_class": "lead", "midi_program_name": "flute"}}}
    assert answers(facts) == {"style": "jazz", "lead": "flute", "chords": "none", "bass": "none", "drums": "none"}


def test_a_judge_comes_back_from_its_file_and_a_broken_file_is_refused(tmp_path):
    judge = taught([pieces(220, dict.fromkeys(QUESTIONS, 0), 0)], 1)
    save_judge(tmp_path / "judge.safetensors", judge, {"style": 1.0})
    again = load_judge(tmp_path / "judge.safetensors")
    audio = torch.randn(1, 3 * SAMPLE_RATE) * 0.1
    assert again.answer(audio) == judge.half().float().answer(audio)
    (tmp_path / "judge.safetensors").write_bytes(b"{}")
    with pytest.raises(LmdmTrainError, match="not a readable judge"):
        load_judge(tmp_path / "judge.safetensors")


def test_the_shipped_judge_knows_the_shipped_primer():
    """The primer is from a held-out piece: techno with saw lead, bright pad, synth bass and drums."""
    audio, rate = soundfile.read(DEFAULT / "primer.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    heard = load_judge(DEFAULT / "judge.safetensors").answer(torch.from_numpy(audio[: 3 * rate])[None])[0]
    assert heard == {"style": "techno", "lead": "saw lead", "chords": "bright pad", "bass": "synth bass", "drums": "drums"}
    measured = json.loads((DEFAULT / "judge.json").read_text())["held_out_accuracy"]
    assert measured["style"] > 0.9


@pytest.mark.heavy
def test_the_default_instrument_follows_its_prompts():
    """Twelve unseen prompts; the control asks whether the same music also answers to other prompts."""
    from lmdm_train.checkpoint import load_instrument

    instrument, judge = load_instrument(DEFAULT / "default.safetensors"), load_judge(DEFAULT / "judge.safetensors")
    followed = {item.question: item for item in prompt_following(instrument, judge, prompts=12, blocks=26)}
    # A sixth of random music is of the right style, and the shuffled prompts come out near that; half is far from both.
    assert followed["style"].asked > 0.5
    assert followed["style"].asked > followed["style"].shuffled + 0.3
    assert followed["drums"].asked >= followed["drums"].shuffled
