"""What is known of an encoded item before it is drawn, in our format and in the released one, and why it may not be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lmdm_train.data.encoder import same_analysis
from lmdm_train.data.settings import DataSettings, Needs
from lmdm_train.errors import LmdmTrainError

Shapes = Mapping[str, tuple[int, ...]]


class ItemProblem(LmdmTrainError):
    """An item that is skipped, and why."""


@dataclass(frozen=True)
class Item:
    """One encoded item.

    Attributes:
        id: path below the source's folder, without suffix.
        length: frames that may be drawn; what the released `padding_mask` calls padding at the end does not count.
        seconds: of the whole item, where that is known.
        stems: names and silence ratios of the stems with frames and an accompaniment.
        features: sketch features that the mix has; `stem_features` those that every stem has.
        codec: hash of the codec that made the frames, where that is known.
        analysis: settings of the features by kind.
    """

    id: str
    length: int
    channels: int
    held_out: bool
    seconds: float | None
    silence_ratio: float | None
    stems: tuple[tuple[str, float], ...]
    features: tuple[str, ...]
    stem_features: tuple[str, ...]
    codec: str | None
    analysis: Mapping[str, Any]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Item:
        """Undo `as_json`; raises KeyError or TypeError where something is missing."""
        values = {f.name: content[f.name] for f in fields(cls)}
        values["stems"] = tuple((str(name), float(ratio)) for name, ratio in values["stems"])
        values |= {name: tuple(values[name]) for name in ("features", "stem_features")}
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def describe(item: str, shapes: Shapes, metadata: Any) -> Item:
    """An item from the shapes of its tensors and its metadata.

    Raises:
        ItemProblem: they are not those of an encoded item.
    """
    if not isinstance(metadata, dict):
        raise ItemProblem(f"its JSON holds a {type(metadata).__name__}, expected an object")
    frames = shapes.get("frames", ())
    if len(frames) != 2 or 0 in frames:
        raise ItemProblem(f"its frames have shape {list(frames)}, expected [channels, frames]")
    channels, length = frames
    kinds = {name.removeprefix("features.") for name in shapes if name.startswith("features.")}
    stems = _stems(shapes, metadata, length)
    for name in [*(f"features.{kind}" for kind in kinds), *(f"stem.{s}.{part}" for s, _ in stems for part in ("frames", "rest"))]:
        if shapes[name][-1] != length or len(shapes[name]) != 2 or (name.startswith("stem.") and shapes[name] != frames):
            raise ItemProblem(f"its tensor {name} has shape {list(shapes[name])}, which does not fit frames of shape {list(frames)}")
    every = [
        {n.split("features.", 1)[1] for n in shapes if n.startswith(f"stem.{s}.features.") and shapes[n][-1] == length} for s, _ in stems
    ]
    codec, analysis = metadata.get("codec"), metadata.get("features")
    return Item(
        id=item,
        length=_unpadded(metadata.get("padding_mask"), length),
        channels=channels,
        held_out=metadata.get("held_out") is True,
        seconds=_number(metadata.get("seconds_total")),
        silence_ratio=_number(metadata.get("silence_ratio")),
        stems=stems,
        features=tuple(sorted(kinds)),
        stem_features=tuple(sorted(set.intersection(*every))) if every else (),
        codec=codec if isinstance(codec, str) else None,
        analysis={k: v for k, v in analysis.items() if isinstance(v, dict)} if isinstance(analysis, dict) else {},
    )


def _stems(shapes: Shapes, metadata: Mapping[str, Any], length: int) -> tuple[tuple[str, float], ...]:
    facts = metadata.get("stems")
    facts = facts if isinstance(facts, dict) else {}
    names = sorted(name.split(".")[1] for name in shapes if name.startswith("stem.") and name.endswith(".rest") and name.count(".") == 2)
    found = []
    for name in names:
        about = facts.get(name)
        ratio = _number(about.get("silence_ratio")) if isinstance(about, dict) else None
        if f"stem.{name}.frames" in shapes:
            found.append((name, ratio or 0.0))
    return tuple(found)


def _unpadded(mask: Any, length: int) -> int:
    """Frames before the first padding; the released format wraps the mask in a list of one."""
    if isinstance(mask, list) and len(mask) == 1 and isinstance(mask[0], list):
        mask = mask[0]
    if not isinstance(mask, list):
        return length
    return min(length, next((index for index, value in enumerate(mask) if not value), length))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None


def unfit(item: Item, settings: DataSettings, needs: Needs, mapped: Iterable[str] | None) -> str | None:
    """Why an item of the right part is not drawn from, if so. `mapped`: ids that a stem mapping gives an accompaniment, if there is one.

    Raises:
        LmdmTrainError: its frames are of another codec, or its features of another analysis: no item of the folder will do then.
    """
    if needs.codec is not None and item.codec is not None and item.codec != needs.codec:
        raise LmdmTrainError(
            f"{item.id} was encoded by the codec {item.codec}, expected {needs.codec}; encode the music again: lmdm data encode"
        )
    if item.channels != needs.channels:
        return f"it has {item.channels} latent channels, expected {needs.channels}"
    seconds = item.seconds if item.seconds is not None else item.length * needs.frame_size / needs.sample_rate
    if settings.minimum_seconds is not None and seconds < settings.minimum_seconds:
        return f"it lasts {seconds:.1f} s, expected at least {settings.minimum_seconds} s"
    if settings.maximum_seconds is not None and seconds > settings.maximum_seconds:
        return f"it lasts {seconds:.1f} s, expected at most {settings.maximum_seconds} s"
    if settings.silence_threshold is not None and (item.silence_ratio is None or item.silence_ratio >= settings.silence_threshold):
        found = "unknown" if item.silence_ratio is None else f"{item.silence_ratio:.2f}"
        return f"its silence_ratio is {found}, expected less than {settings.silence_threshold}"
    stems = settings.target == "stem" and mapped is None
    if stems and not item.stems:
        return "it has no encoded stems with an accompaniment (lmdm data encode --stems)"
    if mapped is not None and item.id not in mapped:
        return "the stem mapping gives it no accompaniment"
    for kind, control in needs.sketches.items():
        if kind not in (item.stem_features if stems else item.features):
            return f"it has no features for the sketch control {kind} (lmdm data encode makes them from audio)"
        stored = item.analysis.get(kind)
        if stored is None:
            return f"its JSON does not say with which settings its {kind} features were computed"
        if not same_analysis(stored, control, needs.sample_rate, needs.frame_size):
            raise LmdmTrainError(
                f"the {kind} features of {item.id} were computed with other settings than the configuration's; "
                "encode the music again: lmdm data encode"
            )
    return None
