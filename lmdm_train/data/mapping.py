"""Which items accompany which, where the stems of a piece are items of their own (released layout, facts sheet section 6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lmdm_train.data.items import Item
from lmdm_train.data.settings import Needs
from lmdm_train.errors import LmdmTrainError

Mapping = dict[str, tuple[str, ...]]


def read_mapping(path: Path, items: Sequence[Item], needs: Needs) -> tuple[Mapping, dict[str, str]]:
    """Read JSON {id: [ids of its accompaniments]}, where ids are those of `items` or their base names.

    Returns:
        The mapping, as far as `items` go, and why other entries do not count. Nothing in it is ever taken for a path.

    Raises:
        LmdmTrainError: the file is no such mapping.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as failure:
        raise LmdmTrainError(f"{path} cannot be read as a stem mapping ({failure}); expected JSON {{id: [ids]}}") from None
    if not isinstance(content, dict) or not all(isinstance(others, list) for others in content.values()):
        raise LmdmTrainError(f"{path} is not a stem mapping; expected JSON {{id: [ids]}}")
    fitting = [i.id for i in items if i.channels == needs.channels and needs.codec in (None, i.codec or needs.codec)]
    names = {known.rsplit("/", 1)[-1]: known for known in reversed(fitting)} | {known: known for known in fitting}
    mapping: Mapping = {}
    problems: dict[str, str] = {}
    for target, others in content.items():
        found = tuple(dict.fromkeys(names[str(name)] for name in others if str(name) in names))
        if target not in names:
            problems[target] = f"{path.name} names it, and there is no such item that fits"
        elif not found:
            problems[target] = f"nothing that {path.name} gives it as an accompaniment is there and fits"
        else:
            mapping[names[target]] = found
    return mapping, problems
