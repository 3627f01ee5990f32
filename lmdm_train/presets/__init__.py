"""Named configurations. `preset("lmdm-ed", layout="230/10")` is the encoder-decoder model at another layout."""

from __future__ import annotations

import re

from pydantic import ValidationError

from lmdm_train.config import InstrumentConfig, Layout
from lmdm_train.errors import LmdmTrainError
from lmdm_train.presets import default, stable_audio, tiny

PRESETS: dict[str, InstrumentConfig] = {config.name: config for config in (*default.PRESETS, *stable_audio.PRESETS, *tiny.PRESETS)}


def parse_layout(text: str) -> Layout:
    """`"192/48"` or `"192-48"`, context and block in frames.

    Raises:
        LmdmTrainError: it is neither.
    """
    match = re.fullmatch(r"(\d+)[/-](\d+)", text.strip())
    if not match or not int(match[1]) or not int(match[2]):
        raise LmdmTrainError(f"a layout is context/block in frames such as 192/48, found {text!r}")
    return Layout(context=int(match[1]), block=int(match[2]))


def preset(name: str, layout: Layout | str | None = None) -> InstrumentConfig:
    """The preset of that name, at its own layout or another.

    Raises:
        LmdmTrainError: there is no such preset, or its pattern rules the layout out.
    """
    if name not in PRESETS:
        raise LmdmTrainError(f"there is no preset {name!r}; choose one of {', '.join(sorted(PRESETS))}")
    config = PRESETS[name]
    if layout is None:
        return config
    layout = parse_layout(layout) if isinstance(layout, str) else layout
    try:
        return InstrumentConfig.model_validate({**config.model_dump(), "layout": layout.model_dump()})
    except ValidationError as error:
        raise LmdmTrainError(f"layout {layout} does not suit preset {name}: {error.errors()[0]['msg']}") from error
