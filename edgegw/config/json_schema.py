"""The JSON Schema of a configuration, for editors."""

from __future__ import annotations

from typing import Any, Final, cast

from edgegw.config.schema import Config

_SHORT_FORMS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "Listen": ({"type": ["string", "integer"]},),
    "Association": ({"type": "string"},),
    "ApiRoute": ({"type": "string"},),
    "DistributionLog": ({"type": "string"},),
    "RuleTarget": ({"type": "string"},),
    "Forward": ({"type": "string"}, {"type": "array"}),
}
"""What may stand for a mapping, by the name of its model."""
_BOUNDS: Final = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum"}
"""Bounds of numbers behind a validator, which pydantic leaves as its own words."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration, short forms included."""
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "edgegw configuration"
    definitions = cast("dict[str, dict[str, Any]]", schema["$defs"])
    distribution = definitions["Distribution"]["properties"]
    distribution["listen"] = {"anyOf": [{"$ref": "#/$defs/Listen"}, distribution["listen"]]}
    for name, short in _SHORT_FORMS.items():
        definitions[name] = {"anyOf": [definitions[name], *short]}
    return _with_bounds(schema)


def _with_bounds(schema: Any) -> Any:
    """`schema` with every bound in the words of JSON Schema, keys in order as elsewhere."""
    if isinstance(schema, list):
        return [_with_bounds(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    if not given.keys() & _BOUNDS.keys() or "type" not in given:
        return {key: _with_bounds(item) for key, item in given.items()}
    return dict(sorted((_BOUNDS.get(key, key), item) for key, item in given.items()))
