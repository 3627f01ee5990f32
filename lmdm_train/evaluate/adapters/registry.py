"""Every published metric that has an adapter."""

from __future__ import annotations

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.adapters.base import Adapter
from lmdm_train.evaluate.adapters.clap import ClapScore
from lmdm_train.evaluate.adapters.cocola import CocolaScore
from lmdm_train.evaluate.adapters.openl3 import OpenL3Distance
from lmdm_train.evaluate.adapters.passt import PasstDivergence

ADAPTERS: tuple[Adapter, ...] = (OpenL3Distance(), PasstDivergence(), ClapScore(), CocolaScore())
NAMES = tuple(adapter.name for adapter in ADAPTERS)


def adapter_of(name: str) -> Adapter:
    """The adapter of a name in NAMES.

    Raises:
        LmdmTrainError: there is none of that name.
    """
    for adapter in ADAPTERS:
        if adapter.name == name:
            return adapter
    raise LmdmTrainError(f"there is no metric {name}; expected one of {', '.join(NAMES)}")
