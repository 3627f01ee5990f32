"""Which models an evaluation compares: `NAME=FILE@steps=4,solver=ping-pong,guidance=none`, several side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from lmdm_train.checkpoint import load_instrument
from lmdm_train.config import GuidanceKind, SamplingConfig, SolverName
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.shipped import shipped
from lmdm_train.model.instrument import Instrument
from lmdm_train.sampling.solvers import require_guidance

KEYS = {"steps": "steps", "solver": "solver", "guidance": "guidance", "scale": "guidance_scale", "drop": "context_drop"}
SYNTAX = "expected [NAME=]FILE[@steps=N,solver=NAME,guidance=none|cfg|cfg++,scale=X,drop=FRAMES]"


@dataclass(frozen=True)
class Model:
    """A checkpoint under a name, and what of its sampling is set otherwise than in its file."""

    name: str
    path: Path
    settings: dict[str, str | int | float]

    def load(self, device: str = "cpu") -> Instrument:
        """The instrument with these settings.

        Raises:
            LmdmTrainError: the checkpoint cannot be read, or solver and guidance do not go together.
        """
        instrument = load_instrument(self.path)
        sampling = SamplingConfig.model_validate({**instrument.config.sampling.model_dump(), **self.settings})
        require_guidance(sampling.solver, sampling.guidance)
        if sampling.context_drop > instrument.config.layout.context:
            raise LmdmTrainError(
                f"{self.name} drops {sampling.context_drop} frames of context and has {instrument.config.layout.context}; "
                f"give drop={instrument.config.layout.context} or less"
            )
        instrument.config = instrument.config.model_copy(update={"sampling": sampling})
        return instrument.to(device).requires_grad_(False)


def parse_model(text: str) -> Model:
    """One `--checkpoint`; FILE may be the word `default`, and NAME is the file's by default.

    Raises:
        LmdmTrainError: it is not of that form, or names an unknown setting.
    """
    head, _, tail = text.partition("@")
    name, equals, file = head.partition("=")
    if not equals:
        name, file = Path(head).stem, head
    if not name or not file:
        raise LmdmTrainError(f"--checkpoint {text!r} names no file; {SYNTAX}")
    path = shipped("default.safetensors") if file == "default" else Path(file)
    return Model(name, path, dict(_setting(text, part) for part in tail.split(",") if part))


def parse_models(texts: tuple[str, ...]) -> list[Model]:
    """Every `--checkpoint`, by default the instrument that comes with the project; refuses two of one name."""
    models = [parse_model(text) for text in texts or ("default",)]
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise LmdmTrainError(f"two models have one name ({', '.join(names)}); name them apart: --checkpoint NAME=FILE@steps=4")
    return models


def _setting(text: str, part: str) -> tuple[str, str | int | float]:
    key, _, value = part.partition("=")
    try:
        if key in ("steps", "drop"):
            return KEYS[key], int(value)
        if key == "scale":
            return KEYS[key], float(value)
    except ValueError:
        raise LmdmTrainError(f"{part!r} in --checkpoint {text!r} holds no number; {SYNTAX}") from None
    choices = {"solver": get_args(SolverName), "guidance": get_args(GuidanceKind)}
    if key not in choices:
        raise LmdmTrainError(f"--checkpoint {text!r} has the unknown setting {part!r}; {SYNTAX}")
    if value not in choices[key]:
        raise LmdmTrainError(f"--checkpoint {text!r} asks for the {key} {value!r}; choose one of {', '.join(choices[key])}")
    return KEYS[key], value
