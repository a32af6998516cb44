"""What is wrong with a setting, in words: the key, what was found, what is allowed, the nearest known key.

Conventions
-----------
What is allowed is read from the settings class itself (its JSON schema), so it is said nowhere twice.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tonearm.settings import Settings
from tonearm.wording import did_you_mean, nearest

BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
KINDS = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false"}


def limits(section: type[BaseModel]) -> dict[str, str]:
    """What each setting of a section may be.

    >>> from tonearm.settings import SplitSettings
    >>> limits(SplitSettings)["test"]
    'a number >= 0 and < 1'
    """
    schema = section.model_json_schema()
    return {key: _allowed(part, schema.get("$defs", {})) for key, part in schema["properties"].items()}


def _allowed(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """One setting's schema in words."""
    if "$ref" in schema:
        return _allowed(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return ("one of " if len(values) > 1 else "") + ", ".join(map(repr, values))
    if "anyOf" in schema:
        return " or ".join(
            "absent" if part.get("type") == "null" else _allowed(part, definitions) for part in schema["anyOf"]
        )
    if schema.get("type") == "array":
        least = f" of at least {schema['minItems']}" if schema.get("minItems") else ""
        return f"a list{least}, each {_allowed(schema['items'], definitions)}"
    bounds = [f"{sign} {schema[bound]}" for bound, sign in BOUNDS.items() if bound in schema]
    return " ".join([KINDS.get(schema.get("type", ""), "a table"), " and ".join(bounds)]).rstrip()


def words(section: type[BaseModel], key: str) -> list[str]:
    """The words that a setting, or each part of it, may be; [] if it is not one of certain words."""
    schema = section.model_json_schema()
    return _words(schema["properties"].get(key, {}), schema.get("$defs", {}))


def _words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[str]:
    if "$ref" in schema:
        return _words(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    found = [*schema.get("enum", []), *([schema["const"]] if "const" in schema else [])]
    for part in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        found += _words(part, definitions)
    return [word for word in found if isinstance(word, str)]


def explain(error: ValidationError, root: type[Settings], prefix: str = "") -> str:
    """All that a validation found, one line each; `prefix` stands before the keys."""
    details = error.errors()
    wrong = [detail["loc"][:-1] for detail in details]
    # pydantic counts a list's right parts alone, and calls a list with a wrong one too short as well
    told = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in wrong]
    return "\n".join(_explain(detail, root, prefix) for detail in told)


def _explain(detail: ErrorDetails, root: type[Settings], prefix: str) -> str:
    """One finding in words."""
    location = [str(part) for part in detail["loc"]]
    section: type[BaseModel] = root
    depth = 0
    while depth < len(location) - 1 and (deeper := _section(section, location[depth])) is not None:
        section, depth = deeper[0], depth + deeper[1]
    in_list = len(location) > 1 and isinstance(detail["loc"][-1], int)  # named by the list's name, as it was written
    key = prefix + ".".join(location[:-1] if in_list else location)
    if detail["type"] == "extra_forbidden":
        kind = "section" if isinstance(detail["input"], Mapping) else "setting"
        return f"{key}: is not a {kind}; {nearest(location[-1], section.model_fields)}"
    if detail["type"] == "unknown_word":
        context = detail["ctx"]
        hint = did_you_mean(detail["input"], context["words"])
        return f"{key} = {detail['input']!r}: {hint}must be {context['allowed']}"
    allowed = limits(section).get(location[depth]) if len(location) > depth else None
    if detail["type"] == "value_error" or allowed is None:
        return f"{key} = {detail['input']!r}: {detail['msg'].removeprefix('Value error, ')}"
    hint = did_you_mean(detail["input"], words(section, location[depth]))
    return f"{key} = {detail['input']!r}: {hint}must be {allowed}"


def _section(section: type[BaseModel], key: str) -> tuple[type[BaseModel], int] | None:
    """The section under `key`, alone or each one of a list or table, and how many keys lead to what it holds."""
    info = section.model_fields.get(key)
    annotation = None if info is None else info.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, 1
    inner = [one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return (inner[0], 2) if inner else None
