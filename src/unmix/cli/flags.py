"""The flags of a config: one for each field, `--outer.inner` for nested ones.

tyro reads flags into a *form*, a plain dataclass of the config's fields whose values are text; the
config itself is made of that text afterwards, so that every refusal is a sentence of ours.
"""

import types
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import tyro
from pydantic.fields import FieldInfo

from unmix.config import Config

UNIONS = (Union, types.UnionType)
WORDS = {str: "TEXT", int: "N", float: "X", Path: "PATH"}
"""What stands for a value in the help."""


class Flag(NamedTuple):
    """One flag, as it is typed and as the help shows it."""

    name: str
    """With its dashes."""
    value: str
    """What follows it; empty for a switch."""
    default: object
    """Its value when it is not given."""
    about: str
    """The docstring of the field."""


def flags(kind: type[Config], prefix: str = "") -> Iterator[Flag]:
    """Yield the flags of a config and of the configs in it, in the order of the fields."""
    for name, field in kind.model_fields.items():
        inner = nested(field.annotation)
        spelt = f"{prefix}{spelling(name)}"
        if inner is None:
            default = field.get_default(call_default_factory=True)
            yield Flag(f"--{spelt}", word(field.annotation), default, about(field))
        else:
            yield from flags(inner, f"{spelt}.")


def spellings(kind: type[Config]) -> list[str]:
    """Return every flag that may be typed, the `--no-` form of switches among them."""
    found = ["--help"]
    for flag in flags(kind):
        found.append(flag.name)
        if not flag.value:
            outer, dot, inner = flag.name.removeprefix("--").rpartition(".")
            found.append(f"--{outer}{dot}no-{inner}")
    return found


def form(kind: type[Config]) -> type:
    """Return the dataclass that tyro fills."""
    fields: list[tuple[str, Any]] = []
    annotated: Any = Annotated  # as a value, not in an annotation
    for name, field in kind.model_fields.items():
        inner = nested(field.annotation)
        if inner is not None:
            optional = type(None) in get_args(field.annotation)
            fields.append((name, form(inner) | None if optional else form(inner)))
            continue
        shown = word(field.annotation)
        default = field.get_default(call_default_factory=True)
        arg = tyro.conf.arg(
            name=spelling(name),
            help=about(field),
            metavar=shown or None,
            help_behavior_hint=_hint(default) if shown else None,
        )
        fields.append((name, annotated[_typed(field.annotation), arg]))
    return make_dataclass(kind.__name__, fields, namespace={"__doc__": kind.__doc__})


def filled(shape: type, config: Config) -> Any:
    """Return a form that holds the values of a config."""
    values: dict[str, Any] = {}
    for name, annotation in shape.__annotations__.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            values[name] = filled(_dataclass(annotation), value)
        elif isinstance(value, tuple):
            values[name] = tuple(map(str, value))
        else:
            values[name] = value if value is None or isinstance(value, bool) else str(value)
    return shape(**values)


def read(filled_form: Any) -> dict[str, Any]:
    """Return the values of a form, to make a config of."""
    return asdict(filled_form)


def nested(annotation: Any) -> type[Config] | None:
    """Return the config a field holds, if it holds one or None."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Config):
            return candidate
    return None


def spelling(name: str) -> str:
    """Return a field's name as a flag; an underscore at its end only keeps it off a word taken."""
    return name.rstrip("_").replace("_", "-")


def word(annotation: Any) -> str:
    """Say in a word what values a field takes; nothing for a switch."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        return ""
    if origin is Annotated:
        return word(inner[0])
    if origin is Literal:
        return "{" + ",".join(map(str, inner)) + "}"
    if origin in UNIONS:
        return word(next(one for one in inner if one is not type(None)))
    if origin is tuple:
        return f"{word(inner[0])} ..."
    return WORDS[annotation]


def about(field: FieldInfo) -> str:
    """Return the docstring of a field as one line."""
    return " ".join((field.description or "").split())


def _typed(annotation: Any) -> Any:
    """Return the type a value has as it is typed: text, several texts, a switch, or None."""
    if annotation is bool:
        return bool
    inner = get_args(annotation) if get_origin(annotation) in UNIONS else (annotation,)
    several = any(get_origin(one) is tuple for one in inner)
    text = tuple[str, ...] if several else str
    return text | None if type(None) in inner else text


def _hint(default: object) -> str:
    """Return what the help says of a default; nothing where the text of the flag says it."""
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    return f"(default: {default})"


def _dataclass(annotation: Any) -> type:
    """Return the form inside an optional one."""
    return next(one for one in (annotation, *get_args(annotation)) if is_dataclass(one))
