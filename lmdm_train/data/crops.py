"""Random crops of encoded items. A draw depends on the generator that it is given and on the files, and on nothing that came before."""

from __future__ import annotations

import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmdm_train.data.batch import Batch
from lmdm_train.data.captions import ROLE_ORDER, spoken
from lmdm_train.data.items import Item, ItemProblem, unfit
from lmdm_train.data.mapping import read_mapping
from lmdm_train.data.music import Track
from lmdm_train.data.settings import DataSettings, Needs
from lmdm_train.errors import LmdmTrainError

LOG = logging.getLogger(__name__)
MOST_FAILURES = 64
Tensors = dict[str, Tensor]


class CropSource(ABC):
    """Encoded items that can be drawn from; folders and shards differ only in how an item is read.

    Attributes:
        skipped: why an item is never drawn, by id.
    """

    def __init__(self, settings: DataSettings, needs: Needs, items: Iterable[Item], problems: Mapping[str, str]) -> None:
        self.settings, self.needs = settings, needs
        self.skipped = dict(problems)
        known = sorted(items, key=lambda item: item.id)
        self._by_id = {item.id: item for item in known}
        self._mapping = None
        if settings.stem_mapping is not None:
            self._mapping, unknown = read_mapping(settings.stem_mapping, known, needs)
            self.skipped |= unknown
        self.items: list[Item] = []
        left_out = 0
        for item in known:
            if settings.part != "all" and item.held_out != (settings.part == "held-out"):
                left_out += 1
            elif why := unfit(item, settings, needs, self._mapping):
                self.skipped[item.id] = why
            else:
                self.items.append(item)
        self._explain(left_out)
        self._long_enough: dict[int, list[Item]] = {}
        self._kept: dict[str, tuple[Tensors, dict[str, Any]]] = {}
        self._rows = {kind: c.analyser(needs.sample_rate, needs.frame_size).features for kind, c in needs.sketches.items()}
        self._room = settings.memory_mib << 20
        self._told: set[str] = set()

    @abstractmethod
    def read(self, item: str) -> Tensors:
        """All tensors of an item by name, in the type they are stored in.

        Raises:
            ItemProblem: they cannot be read.
        """

    @abstractmethod
    def metadata(self, item: str) -> dict[str, Any]:
        """The JSON of an item; raises ItemProblem when it cannot be read."""

    def draw(self, rng: random.Random, batch: int, length: int) -> Batch:
        """`batch` random crops of `length` frames; a pure function of `rng`.

        A crop that turns out to be damaged is logged once and drawn again.

        Raises:
            LmdmTrainError: nothing is long enough, or crop after crop is damaged.
        """
        crops = [self._crop(rng, self._candidates(length), length) for _ in range(batch)]
        other = [crop["accompaniment"] for crop in crops if crop["accompaniment"] is not None]
        return Batch(
            frames=torch.stack([crop["frames"] for crop in crops]),
            prompts=[crop["prompt"] for crop in crops],
            seconds=torch.tensor([crop["seconds"] for crop in crops]),
            features={kind: torch.stack([crop["features"][kind] for crop in crops]) for kind in self.needs.sketches},
            accompaniment=torch.stack(other) if other else None,
            told=[crop["told"] for crop in crops],
        )

    def _candidates(self, length: int) -> list[Item]:
        if length not in self._long_enough:
            found = [item for item in self.items if item.length >= length]
            if not found:
                longest = max(self.items, key=lambda item: item.length)
                raise LmdmTrainError(
                    f"nothing in {self.settings.path} is as long as a crop of {length} frames; "
                    f"the longest of {len(self.items)} items is {longest.id} with {longest.length}"
                )
            if len(found) < len(self.items):
                short = next(item for item in self.items if item.length < length)
                LOG.warning(
                    "%d of %d items are shorter than a crop of %d frames and are skipped, for example %s with %d",
                    len(self.items) - len(found),
                    len(self.items),
                    length,
                    short.id,
                    short.length,
                )
            self._long_enough[length] = found
        return self._long_enough[length]

    def _crop(self, rng: random.Random, candidates: list[Item], length: int) -> dict[str, Any]:
        for _ in range(MOST_FAILURES):
            item = rng.choice(candidates)
            try:
                return self._cut(item, rng, length)
            except ItemProblem as problem:
                if item.id not in self._told:
                    self._told.add(item.id)
                    LOG.warning("%s is skipped: %s", item.id, problem)
        raise LmdmTrainError(
            f"{MOST_FAILURES} crops of {self.settings.path} in a row are damaged; encode the music again: lmdm data encode"
        )

    def _cut(self, item: Item, rng: random.Random, length: int) -> dict[str, Any]:
        tensors, facts = self._load(item.id)
        target, prefix, usable = tensors.get("frames"), "", item.length
        accompaniment: Tensor | None = None
        prompt = str(facts.get("prompt", ""))
        if self._mapping is not None:
            partners = [self._by_id[name] for name in self._mapping[item.id] if self._by_id[name].length >= length]
            if not partners:
                raise ItemProblem("all of its accompaniments are shorter than a crop")
            partner = rng.choice(partners)
            accompaniment, usable = self._load(partner.id)[0].get("frames"), min(usable, partner.length)
        elif self.settings.target == "stem":
            names = [name for name, ratio in item.stems if ratio < (self.settings.silence_threshold or 2.0)]
            if not names:
                raise ItemProblem("all of its stems are silent")
            stem = rng.choice(names)
            prefix = f"stem.{stem}."
            target, prompt = tensors.get(f"{prefix}frames"), _instrument(facts, stem)
            others = [name for name, _ in item.stems if name != stem]
            total = rng.random() < self.settings.sums or not others
            accompaniment = tensors.get(f"{prefix}rest" if total else f"stem.{rng.choice(others)}.frames")
        elif self.settings.prompts == "varied" and _is_rendered(facts):
            prompt = spoken(Track(Path(), facts), rng)
        start = rng.randrange(usable - length + 1) if self.settings.random_crop else 0

        def cut(tensor: Tensor | None, rows: int, what: str) -> Tensor:
            if tensor is None or tensor.ndim != 2 or tensor.shape[0] != rows or tensor.shape[1] < start + length:
                found = "none" if tensor is None else str(list(tensor.shape))
                raise ItemProblem(f"its {what} have shape {found}, expected {rows} rows and at least {start + length} columns")
            piece = tensor[:, start : start + length].float()
            if not bool(piece.isfinite().all()):
                raise ItemProblem(f"its {what} hold NaN or infinite values near frame {start}")
            return piece

        window, channels = self.needs.seconds, self.needs.channels
        return {
            "frames": cut(target, channels, "frames"),
            "accompaniment": cut(accompaniment, channels, "frames of the accompaniment") if accompaniment is not None else None,
            "features": {
                kind: cut(tensors.get(f"{prefix}features.{kind}"), self._rows[kind], f"{kind} features") for kind in self.needs.sketches
            },
            "prompt": prompt,
            "told": frozenset({"loudness"} if "dynamics" in facts else ()),
            "seconds": window if self.settings.seconds == "window" or item.seconds is None else item.seconds,
        }

    def _load(self, item: str) -> tuple[Tensors, dict[str, Any]]:
        if item in self._kept:
            return self._kept[item]
        read = self.read(item), self.metadata(item)
        size = sum(value.numel() * value.element_size() for value in read[0].values())
        if size <= self._room:
            self._room -= size
            self._kept[item] = read
        return read

    def _explain(self, left_out: int) -> None:
        if self.skipped:
            first = min(self.skipped)
            LOG.warning("%d items of %s are skipped, for example %s: %s", len(self.skipped), self.settings.path, first, self.skipped[first])
        if not self.items:
            reason = f"; {min(self.skipped)}: {self.skipped[min(self.skipped)]}" if self.skipped else ""
            part = f" ({left_out} belong to another part than {self.settings.part})" if left_out else ""
            raise LmdmTrainError(
                f"{self.settings.path} holds no encoded music to draw from{part}{reason}; make some with: lmdm data encode"
            )


def _instrument(facts: Mapping[str, Any], stem: str) -> str:
    stems = facts.get("stems")
    about = stems.get(stem) if isinstance(stems, dict) else None
    if not isinstance(about, dict):
        return str(facts.get("prompt", ""))
    return str(about.get("midi_program_name") or about.get("inst_class") or "")


def _is_rendered(facts: Mapping[str, Any]) -> bool:
    """Whether `captions.spoken` knows how to speak of it."""
    stems = facts.get("stems")
    return (
        {"prompt", "style", "key", "mode", "bpm"} <= set(facts)
        and isinstance(stems, dict)
        and all(isinstance(s, dict) and s.get("inst_class") in ROLE_ORDER and "midi_program_name" in s for s in stems.values())
    )
