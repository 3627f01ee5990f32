"""The state of the plugin as a JUCE host keeps it: XML around base64 of JUCE's own kind around the plugin's XML."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

ALPHABET = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
MAGIC = 0x21324356


def own_xml(state: bytes) -> ElementTree.Element:
    """The plugin's own document."""
    component = _xml(state).findtext("IComponent")
    assert component is not None
    text = _decoded(component)
    return ElementTree.fromstring(text[: text.rindex(b">") + 1].decode())


def prompt(state: bytes) -> str:
    """Prompt A."""
    prompts = own_xml(state).find("prompts")
    assert prompts is not None
    return prompts.attrib["a"]


def with_own(state: bytes, own: bytes) -> bytes:
    """The same state around other bytes of the plugin."""
    outer = _xml(state)
    component = outer.find("IComponent")
    assert component is not None
    component.text = _encoded(own)
    text = ElementTree.tostring(outer, encoding="utf-8", xml_declaration=True)
    return struct.pack("<II", MAGIC, len(text)) + text + b"\0"


def _xml(block: bytes) -> ElementTree.Element:
    magic, length = struct.unpack_from("<II", block)
    assert magic == MAGIC
    return ElementTree.fromstring(block[8 : 8 + length].decode().rstrip("\0"))


def _decoded(text: str) -> bytes:
    found = re.fullmatch(r"(\d+)\.(.*)", text.strip())
    assert found is not None
    bits = "".join(f"{ALPHABET.index(letter):06b}"[::-1] for letter in found[2])
    return bytes(int(bits[8 * i : 8 * i + 8][::-1], 2) for i in range(int(found[1])))


def _encoded(block: bytes) -> str:
    bits = "".join(f"{byte:08b}"[::-1] for byte in block)
    return f"{len(block)}." + "".join(ALPHABET[int(bits[i : i + 6].ljust(6, "0")[::-1], 2)] for i in range(0, len(bits), 6))
