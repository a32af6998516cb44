"""The facts of a representation as files hold them: run.json, and the Parquet tables that tonearm writes.

Conventions
-----------
Facts are a dict with a `kind`. Those of audio have the settings by which it is computed, those of rows their columns
where they are not all that the kind has. What a kind means, `representations.registry` knows; here is checked what is
true of all of them, since a file may have been made by anybody.
"""

import re
from typing import Any

from pydantic import ValidationError

from tonearm.settings import AudioSettings, FeatureSettings, Settings, SpectrogramSettings

DIGEST = re.compile("[0-9a-f]{64}")
SECTIONS: dict[str, type[Settings]] = {
    "audio": AudioSettings,
    "features": FeatureSettings,
    "spectrogram": SpectrogramSettings,
}


def check_representation(facts: Any, inner: bool = False) -> None:
    """Raise ValueError where these are not the facts of a representation. inner: of one part of a joined one."""
    if not isinstance(facts, dict) or not isinstance(facts.get("kind"), str):
        raise ValueError("it has no kind")
    for name, section in SECTIONS.items():
        given = facts.get(name, {})
        if not isinstance(given, dict):
            raise ValueError(f"{name} is not a table of settings")
        known = {key: value for key, value in given.items() if key in section.model_fields}
        try:
            section.model_validate(known)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            raise ValueError(f"{name}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    if facts["kind"] == "pictures" and not facts.get("spectrogram", {}).get("kinds"):
        raise ValueError("it does not say which kind of picture")
    columns = facts.get("columns", ["all"])
    if not isinstance(columns, list) or not columns or not all(isinstance(name, str) for name in columns):
        raise ValueError("columns is not a list of names")
    if len(set(columns)) < len(columns):
        raise ValueError("columns has a name twice")
    for one in extras_of(facts):
        names = one.get("columns")
        told = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not told or not one.get("object") or not DIGEST.fullmatch(str(one.get("sha256"))):
            raise ValueError("extra does not name its functions, digests and columns")
    if facts["kind"] == "table" and "columns" not in facts:
        raise ValueError("it does not name its columns")
    if facts["kind"] == "joined":
        parts = facts.get("parts")
        if inner or not isinstance(parts, list) or not parts:
            raise ValueError("parts is not a list of representations")
        for part in parts:
            check_representation(part, inner=True)


def extras_of(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """What the facts say of functions of the user's own, in all parts of a joined representation; [] for none.

    Raises ValueError where it is not a list of facts.
    """
    parts = facts.get("parts", []) if facts.get("kind") == "joined" else [facts]
    lists = [part.get("extra", []) for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    if not all(isinstance(some, list) and all(isinstance(one, dict) for one in some) for some in lists):
        raise ValueError("extra is not a list of functions")
    return [one for some in lists for one in some]


def own_families(facts: dict[str, Any]) -> dict[str, str]:
    """The name of the user's own function by each of its columns: what a family is to other features."""
    return {name: one["object"].rpartition(":")[2] for one in extras_of(facts) for name in one["columns"]}


def columns_of(facts: dict[str, Any]) -> int | None:
    """The number of columns of a row; None for pictures, and where it is not said."""
    if facts["kind"] == "joined":
        counts = [columns_of(part) for part in facts["parts"]]
        return None if None in counts else sum(count or 0 for count in counts)
    columns = facts.get("columns")
    return len(columns) if columns else None
