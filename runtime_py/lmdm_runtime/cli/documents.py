"""JSON for machines: what is not finite becomes null, as JSON has neither NaN nor infinity and strict readers refuse both."""

from __future__ import annotations

import json
import math
from typing import Any


def finite(value: Any) -> Any:
    """Nested plain data with None in place of every float that is not finite; tuples become lists."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_text(value: Any) -> str:
    """The text of a document."""
    return json.dumps(finite(value), indent=1, allow_nan=False)
