"""Prompts of rendered pieces, said in full or in part, and the tokenizer that is trained on them."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Sequence

from lmdm_train.data.music import Track

ROLE_ORDER = ("lead", "chords", "bass", "drums")


def spoken(track: Track, rng: random.Random) -> str:
    """One of the ways to ask for this piece: the whole caption, or its style with some of key, tempo and instruments.

    Partial captions teach the network that what a prompt leaves out is free.
    """
    if rng.random() < 0.3:
        return track.prompt
    facts = track.metadata
    text = str(facts["style"])
    if rng.random() < 0.4:
        text += f" in {facts['key']} {facts['mode']}"
    if rng.random() < 0.3:
        text += f", {facts['bpm']} bpm"
    stems = sorted(facts["stems"].values(), key=lambda stem: ROLE_ORDER.index(stem["inst_class"]))
    names = [stem["midi_program_name"] for stem in stems if rng.random() < 0.6]
    if "drums" not in [stem["midi_program_name"] for stem in stems] and rng.random() < 0.3:
        return text + " without drums"
    if names:
        text += " with " + (names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1])
    return text


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> bytes:
    """A sentencepiece model on lower-cased texts, numbered as T5 numbers: padding 0, end of sentence 1, unknown 2.

    Byte-pair merges rather than a unigram model: a small closed vocabulary then keeps whole words.
    """
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text.lower() for text in texts]),
        model_writer=model,
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        model_type="bpe",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def caption_corpus(tracks: Sequence[Track], seed: int = 0, variants: int = 12) -> list[str]:
    """Many ways to say every track, for the tokenizer."""
    rng = random.Random(seed)
    return [spoken(track, rng) for track in tracks for _ in range(variants)]
