"""Tokens of the C++ engine against Python's, for the tokenizers that an export writes; and Unicode's lower case, character by character."""

from __future__ import annotations

import io
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from lmdm_runtime.errors import BundleError
from lmdm_runtime.text import Tokenizer
from tests.runtime_cpp.engine_probe import ask, hexadecimal

DEFAULT = Path(__file__).parents[2] / "lmdm_train" / "default" / "default.tokenizer.model"
TEXT = [
    "slow ambient pad in C# minor",
    "fast techno, 128 bpm (live)",
    "jazz trio & walking bass",
    "größere Chöre: «façade»",
    "テクノ 音楽",
] * 4
WORDS = [
    *[
        "ambient",
        "techno",
        "jazz",
        "PIANO",
        "Drums",
        "128",
        "bpm",
        "C#",
        "Bb",
        "minor,",
        "(live)",
        "warm-pad",
        "ÉLECTRO",
        "größer",
        "ЖУК",
        "テクノ",
        "音楽",
        "🎹",
        "ﬁne",
        "Ⅷ",
        "㎞",
        "ＡＢＣ",
        "İstanbul",
        "ΜΟΥΣΙΚΟΣ",
    ],
    *("\u00a0", "\t", "\n", "  ", "\u200b", "e\u0301", "\u00ad", "▁", "<unk>", "</s>", "<pad>", "\x00", "\x07"),
]


def varied_prompts() -> list[str]:
    rng = np.random.default_rng(23)
    fixed = ["", " ", "a", "A", "   warm   pad   ", "</s> <unk> ▁▁", "x" * 5000, "techno " * 3000, "\U0010ffff\ufffd\ufeff", "\r\n"]
    mixed = [" ".join(rng.choice(WORDS, size=rng.integers(1, 24))) for _ in range(120)]
    wild = ["".join(map(chr, rng.choice([*range(1, 0xD800), *range(0xE000, 0x20000)], size=rng.integers(1, 40)))) for _ in range(80)]
    return [*fixed, *mixed, *wild]


def trained(kind: str) -> bytes:
    """`bpe` as the small text encoder's; `unigram` as T5's: no lower case, and normalised by NFKC."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_writer=made,
        vocab_size=120,
        hard_vocab_limit=False,
        model_type=kind,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        character_coverage=1.0,
        minloglevel=2,
    )
    return made.getvalue()


@pytest.fixture(params=["bpe", "unigram", "default"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "default":
        return DEFAULT
    path = tmp_path / f"{request.param}.model"
    path.write_bytes(trained(request.param))
    return path


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("tokens", [1, 12, 64])
def test_same_ids_and_mask_as_python(model: Path, tokens: int, lowercase: bool) -> None:
    prompts = varied_prompts()
    assert len(prompts) >= 200
    python = Tokenizer(model, tokens, lowercase=lowercase)
    (answers,) = ask(
        {"op": "tokenize", "model": str(model), "tokens": tokens, "lowercase": lowercase, "prompts": [*map(hexadecimal, prompts)]}
    )
    for prompt, answer in zip(prompts, answers, strict=True):
        ids, mask = python(prompt)
        assert answer["ids"] == ids[0].tolist(), ascii(prompt)
        assert answer["mask"] == mask[0].tolist(), ascii(prompt)
        assert bool(answer["read"]) <= (answer["pieces"] >= tokens)


def test_the_comparison_sees_case(model: Path) -> None:
    """The control: a tokenizer that ignores `lowercase` gives other ids."""
    (answers,) = ask({"op": "tokenize", "model": str(model), "tokens": 12, "lowercase": False, "prompts": [hexadecimal("JAZZ Trio")]})
    assert answers[0]["ids"] != Tokenizer(model, 12, lowercase=True)("JAZZ Trio")[0][0].tolist()


def test_a_long_prompt_says_what_was_read(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    prompt = "techno with walking bass and warm pad " * 4
    (answers,) = ask({"op": "tokenize", "model": str(model), "tokens": 12, "lowercase": True, "prompts": [hexadecimal(prompt)]})
    Tokenizer(model, 12, lowercase=True)(prompt)
    said = f"the prompt is {answers[0]['pieces']} tokens long and only its first 11 are read: {answers[0]['read']}"
    assert said == caplog.messages[0]


def test_bytes_that_are_not_utf8_are_read_as_replacement_characters(model: Path) -> None:
    rng = np.random.default_rng(5)
    prompts = [b"warm \xff pad", b"\xe2\x82", b"\xed\xa0\x80 jazz", b"\xf0\x9f\x8e", b"\xc0\xaf", b"\x80\x80"]
    prompts += [rng.integers(0, 256, size=rng.integers(1, 40), dtype=np.uint8).tobytes() for _ in range(100)]
    read = ask(*({"op": "decode", "bytes": prompt.hex()} for prompt in prompts))
    assert read == [prompt.decode(errors="replace") for prompt in prompts]
    python = Tokenizer(model, 32, lowercase=True)
    (answers,) = ask(
        {"op": "tokenize", "model": str(model), "tokens": 32, "lowercase": True, "prompts": [prompt.hex() for prompt in prompts]}
    )
    assert [answer["ids"] for answer in answers] == [python(prompt.decode(errors="replace"))[0][0].tolist() for prompt in prompts]


def test_every_character_has_pythons_lower_case() -> None:
    known = unicodedata if unicodedata.unidata_version == "14.0.0" else unicodedata.ucd_3_2_0
    codes = [code for code in range(sys.maxunicode + 1) if chr(code) != "\n" and not 0xD800 <= code < 0xE000]
    characters = [chr(code) for code in codes if known.category(chr(code)) != "Cn"]
    (lowered,) = ask({"op": "lowercase", "text": "\n".join(characters)})
    wrong = [ascii(c) for c, low in zip(characters, lowered.split("\n"), strict=True) if low != c.lower()]
    assert not wrong
    assert sum(c != c.lower() for c in characters) > 900, "the control: there is something to lower"


def test_the_sigma_at_the_end_of_a_word() -> None:
    words = ["ΣΑΣ", "ΟΔΟΣ.", "Σ", "ΣΣ", "Α'Σ", "ΑΣ'", "ΑΣ'Α", "ΑΣ ΑΣ", "1Σ", "aΣ", "aΣb", "ΑΣ\u0301", "ΑΣ-Α", "ΑΣ1", "ΆΣ,"]
    assert ask(*({"op": "lowercase", "text": word} for word in words)) == [word.lower() for word in words]


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "no end of sentence", "missing"])
def test_a_damaged_model_is_refused_in_the_same_words(tmp_path: Path, damage: str) -> None:
    path, whole = tmp_path / "tokenizer.model", DEFAULT.read_bytes()
    if damage == "no end of sentence":
        made = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXT), model_writer=made, vocab_size=120, hard_vocab_limit=False, eos_id=-1, bos_id=-1, minloglevel=2
        )
        whole = made.getvalue()
    content = {"empty": b"", "text": b"no model at all", "truncated": whole[: len(whole) // 2], "no end of sentence": whole}
    if damage in content:
        path.write_bytes(content[damage])
    with pytest.raises(BundleError) as refused:
        Tokenizer(path, 8, lowercase=True)
    (answer,) = ask({"op": "tokenize", "model": str(path), "tokens": 8, "lowercase": True, "prompts": []})
    assert answer == {"error": str(refused.value), "kind": 1}
