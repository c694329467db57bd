"""Values as TOML text, which Python can read but not write."""

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(values: Mapping[str, Any], table: str = "") -> str:
    """`values` as a TOML table; inner mappings become `[table.inner]`, and a None is left out."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping) and value is not None}
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    text = "".join(f"{_key(key)} = {_value(value)}\n" for key, value in plain.items())
    for key, value in inner.items():
        name = f"{table}.{_key(key)}" if table else _key(key)
        text += f"\n[{name}]\n{to_toml(value, name)}"
    return text


def _key(name: str) -> str:
    """A key that may stand bare, or quoted where it holds more than letters, digits, '_' and '-'."""
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, except that TOML wants DEL escaped as well
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    raise TypeError(f"{value!r} has no form in an experiment's TOML")
