"""The base of every config: what the command line, a recipe and a run folder all speak."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from unmix.errors import UserError

C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """Immutable, no unknown keys, help text from the docstrings of its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def validate(kind: type[C], data: object, *, where: str) -> C:
    """Return `data` as a config, or raise a sentence naming the first bad key of `where`."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise UserError(f"{where}: {_first(kind, error)}") from error


def read_toml(path: Path) -> dict[str, object]:
    """Read a TOML file, or raise a sentence naming the line that is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"`{path}` is not valid TOML: {error}") from error


def _first(kind: type[BaseModel], error: ValidationError) -> str:
    """Say in one clause what is wrong with the first bad key."""
    from difflib import get_close_matches

    first = error.errors()[0]
    keys = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        message = first["msg"].removeprefix("Value error, ")
        return f"`{'.'.join(keys)}`: {message}" if keys else message
    known = list(_fields(kind, keys[:-1]))
    near = get_close_matches(keys[-1], known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known keys are {', '.join(known)}"
    return f"there is no setting `{'.'.join(keys)}`; {hint}"


def _fields(kind: type[BaseModel], keys: list[str]) -> list[str]:
    """Return the field names of the config that `keys` leads to."""
    for key in keys:
        field = kind.model_fields.get(key)
        inner = field.annotation if field else None
        candidates = [inner, *getattr(inner, "__args__", ())]
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not nested:
            return []
        kind = nested[0]
    return list(kind.model_fields)
