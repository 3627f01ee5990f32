"""Prompt scripts as text and JSON, and the lines that are refused."""

from __future__ import annotations

import pytest

from lmdm_runtime.prompt_script import Cue, ScriptError, read_prompt_script

TEXT = """# a set
0    ambient with warm pad
8.5  techno in A minor, 128 bpm

16   techno : 0.7 | jazz: with sax : 0.3
"""


def test_text_and_json_say_the_same(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "a.json").write_text(
        '[{"at": 16, "prompts": [["techno", 0.7], ["jazz: with sax", 0.3]]}, {"at": 0, "prompt": "ambient with warm pad"},'
        ' {"at": 8.5, "prompt": "techno in A minor, 128 bpm"}]'
    )
    script = read_prompt_script(tmp_path / "a.txt")
    assert script == read_prompt_script(tmp_path / "a.json")
    assert script.cues[2] == Cue(16.0, (("techno", 0.7), ("jazz: with sax", 0.3)))
    assert script.by_block(0.4) == {0: script.cues[0].mix, 21: script.cues[1].mix, 40: script.cues[2].mix}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs a prompt at second 0"),
        ("3 late", "begins at 3"),
        ("zero ambient", "line 1 must begin with a number"),
        ("0 a | b : 0.3", "line 1: in a mix each prompt needs a weight"),
        ("0 a : 0 | b : 0", "not all zero"),
        ("0 a\n-4 b", "cannot begin at second -4"),
        ("0", "no prompt"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(tmp_path, text, said):
    (tmp_path / "bad.txt").write_text(text)
    with pytest.raises(ScriptError, match=said):
        read_prompt_script(tmp_path / "bad.txt")


def test_tabs_and_a_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf0\tambient\r\n2.5\tjazz : 0.7 | rock:0.3\r\n")
    assert read_prompt_script(tmp_path / "a.txt").cues == (Cue(0.0, (("ambient", 1.0),)), Cue(2.5, (("jazz", 0.7), ("rock", 0.3))))


def test_not_text_and_not_there(tmp_path):
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    for name in ("bytes.txt", "none.txt"):
        with pytest.raises(ScriptError, match=name):
            read_prompt_script(tmp_path / name)
