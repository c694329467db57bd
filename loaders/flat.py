"""A nested config as dotted keys."""

import json
from collections.abc import Iterator
from typing import Any


def flat(value: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """`{"a": {"b": [1, 2]}}` -> `("a.b", "[1, 2]")`; lists and what is empty are values, text stands as it is."""
    if isinstance(value, dict) and value:
        for key, inner in sorted(value.items()):
            yield from flat(inner, f"{above}.{key}" if above else key)
    elif above:
        yield above, value if isinstance(value, str) else json.dumps(value, sort_keys=True)
