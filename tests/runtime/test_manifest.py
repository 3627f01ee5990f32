"""Every value of a manifest replaced by wrong ones: refused as a bundle, never a crash."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from lmdm_runtime import BundleError
from lmdm_runtime.contract import require_contract
from lmdm_runtime.manifest import parse_manifest
from tests.runtime.conftest import Tiny

WRONG: tuple[Any, ...] = (None, "", -1, 2.5, 10**9, True, [[]], {"a": 1}, float("nan"))


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all values; of a list the first."""
    if path:
        yield path
    children = node.items() if isinstance(node, dict) else enumerate(node[:1]) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def at(document: Any, path: tuple) -> Any:
    for key in path:
        document = document[key]
    return document


def test_no_wrong_value_crashes_the_loader(causal: Tiny):
    document = causal.bundle.manifest.document
    tried, refused = 0, []
    for number, path in enumerate(places(document)):
        if path[0] == "created_with" or (path[0] == "graphs" and len(path) > 1 and path[1] != "context_encoder"):
            continue
        for wrong in WRONG[number % 3 :: 3]:
            broken = copy.deepcopy(document)
            at(broken, path[:-1])[path[-1]] = wrong
            tried += 1
            try:
                require_contract(parse_manifest(broken))
            except BundleError as error:
                refused.append(str(error))
    assert len(refused) > 0.7 * tried > 100
    assert not any("\n" in sentence for sentence in refused)


@pytest.mark.parametrize(
    "path", [("model",), ("codec", "decoder", "streaming"), ("sampling", "schedule"), ("graphs", "cached_decoder", "inputs")]
)
def test_nothing_that_is_needed_may_be_left_out(causal: Tiny, path: tuple):
    broken = copy.deepcopy(causal.bundle.manifest.document)
    del at(broken, path[:-1])[path[-1]]
    with pytest.raises(BundleError, match=path[-1]):
        parse_manifest(broken)


def test_an_error_names_its_origin(causal: Tiny):
    broken = {**causal.bundle.manifest.document, "name": 3}
    with pytest.raises(BundleError, match=r"here/manifest\.json .* name"):
        parse_manifest(broken, "here/manifest.json")
