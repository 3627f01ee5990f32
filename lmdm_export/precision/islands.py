"""Named parts of a graph that stay float32, found by their shape, as the nodes of a bundle carry no names of their own.

Snake activations are in codecs only, and those stay float32 as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx import ModelProto

from lmdm_export.precision.network import Links

WAVES = ("Sin", "Cos")
MOVES = ("Slice", "Split")
MASKS = ("Add", "Where", "IsNaN", "Unsqueeze", "Expand", "Reshape")


def norms(model: ModelProto) -> set[str]:
    """Normalisations: a variance is a sum of squares, which float16 overflows."""
    return {node.name for node in model.graph.node if node.op_type in ("LayerNormalization", "RMSNormalization")}


def softmax(model: ModelProto) -> set[str]:
    """Softmax, a sum of exponentials over the whole window, with the mask before it, whose smallest float32 no float16 holds."""
    links, found = Links(model), set()
    for start in links.nodes:
        if start.op_type != "Softmax":
            continue
        found.add(start.name)
        for follow in (links.before, links.after):
            queue = [start]
            while queue:
                near = [node for node in follow(queue.pop()) if node.op_type in MASKS and node.name not in found]
                found |= {node.name for node in near}
                queue += near
    return found


def rotary(model: ModelProto) -> set[str]:
    """Rotations of keys and queries: (x1, x2) -> (-x2, x1), both products with the tables, and their sum."""
    links, found = Links(model), set()
    for turn in links.nodes:
        if turn.op_type != "Neg":
            continue
        joined = [node for node in links.after(turn) if node.op_type == "Concat"]
        products = [node for half in joined for node in links.after(half) if node.op_type == "Mul"]
        sums = [node for product in products for node in links.after(product) if node.op_type == "Add"]
        if not sums:
            continue
        found |= {turn.name, *(node.name for node in (*joined, *products, *sums))}
        found |= {node.name for total in sums for node in links.before(total) if node.op_type == "Mul"}
        found |= {node.name for node in links.before(turn) if node.op_type in MOVES}
    return found


def time_features(model: ModelProto) -> set[str]:
    """Sines and cosines of the noise level or of seconds, and what leads from the input to them: phases of many turns."""
    links, found = Links(model), set()
    queue = [node for node in links.nodes if node.op_type in WAVES]
    while queue:
        node = queue.pop()
        if node.name not in found:
            found.add(node.name)
            queue.extend(links.before(node))
    return found


ISLANDS: dict[str, Callable[[ModelProto], set[str]]] = {
    "norms": norms,
    "softmax": softmax,
    "rotary": rotary,
    "time features": time_features,
}


def island_nodes(model: ModelProto, islands: tuple[str, ...]) -> set[str]:
    """Names of the nodes that belong to any of the islands."""
    return set().union(*(ISLANDS[island](model) for island in islands))
