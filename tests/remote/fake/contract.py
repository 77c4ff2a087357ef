"""contract.json as a checker: the fake refuses by it what a client sends, and tests hold the fake's replies to it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONTRACT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "contract.json").read_text())
ROUTES: dict[str, dict[str, Any]] = CONTRACT["routes"]

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "map": dict,
    "array": list,
    "any": object,
}


def data_fields(route: str) -> dict[str, Any]:
    """The fields of a route's `data`."""
    fields = ROUTES[route].get("data", {})
    return data_fields(fields["same_as"]) if "same_as" in fields else fields


def problems(fields: dict[str, Any], value: Any) -> list[str]:
    """What of `value` does not agree with `fields`: unknown, missing, of another type, or not a listed value."""
    found = []
    seen = set()
    for path, item in _walk(value, "", fields):
        seen.add(path)
        if path not in fields:
            found.append(f"unknown field {path}")
        elif not _fits(item, fields[path]["type"]):
            found.append(f"{path} is {type(item).__name__}, not {fields[path]['type']}")
        elif "values" in fields[path] and item not in fields[path]["values"]:
            found.append(f"{path} is {item!r}, not one of {fields[path]['values']}")
    return found + [f"missing field {path}" for path in _missing(fields, seen)]


def _walk(value: Any, path: str, fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    kind = fields.get(path, {}).get("type")
    if path and not path.endswith("[]"):
        yield path, value
    if isinstance(value, dict) and kind != "map":
        for name, item in value.items():
            yield from _walk(item, f"{path}.{name}".lstrip("."), fields)
    if isinstance(value, list) and any(name.startswith(f"{path}[]") for name in fields):
        for item in value:
            yield from _walk(item, f"{path}[]", fields)


def _missing(fields: dict[str, Any], seen: set[str]) -> list[str]:
    """Required fields whose parent is there."""

    def parent_is_there(path: str) -> bool:
        parent = re.sub(r"\.?[^.]+$", "", path)
        return not parent or parent in seen or any(s.startswith(f"{parent}.") for s in seen)

    return [p for p, f in fields.items() if f.get("required") and p not in seen and parent_is_there(p)]


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("array<"):
        inner = kind[len("array<") : -1].split("|")
        return isinstance(value, list) and all(any(_fits(v, k) for k in inner) for v in value)
    if isinstance(value, bool) and kind != "boolean":
        return kind == "any"
    return isinstance(value, _TYPES[kind])
