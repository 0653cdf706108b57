"""Messages about settings that cannot be used, by the key as the user typed it.

The input is an error of hydra, pydantic or a config dataclass; the output is one line per problem, with the key, the
value and what is allowed. A dataclass's `__post_init__` raises a ValueError that begins with the field's name, because
a shared part such as `MaskingConfig` does not know its place; the place is added here. An old key or value is refused
with its new name.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from pipeline.store.files import JsonValue
from pipeline.store.renamed_keys import RENAMED_CHOICES, RENAMED_VALUES, current_key

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic_core import ErrorDetails

    DataclassType: TypeAlias = type[DataclassInstance]
    TypeHint: TypeAlias = type | types.UnionType | types.GenericAlias

PLAIN_MESSAGES = {"tuple_type": "Input should be a list, in square brackets"}
"""Kind of a pydantic error -> message, for errors that name a type of Python."""
ALL_SETTINGS = "Every setting and its value: python -m pipeline --cfg job stage=all"


# -------------------------------------------------------------------------------------------- unknown and renamed keys


def unknown_keys(part: DataclassType, values: Mapping[str, JsonValue], path: str = "") -> list[str]:
    """Return the dotted keys in `values` that are not fields of the dataclass `part`."""
    hints = typing.get_type_hints(part)
    known = {field.name for field in fields(part)}
    found = [f"{path}{key}" for key in values if key not in known]
    for key in sorted(known & values.keys()):
        found += unknown_keys_in_value(hints[key], values[key], f"{path}{key}.")
    return found


def unknown_keys_in_value(hint: TypeHint, value: JsonValue, path: str) -> list[str]:
    """Return the unknown keys in the value of a field with this type hint."""
    if not isinstance(value, dict):
        return []
    if typing.get_origin(hint) is dict:
        item_hint = typing.get_args(hint)[1]
        return [name for key, item in value.items() for name in unknown_keys_in_value(item_hint, item, f"{path}{key}.")]
    part = select_dataclass(hint, value)
    return unknown_keys(part, value, path) if part else []


def select_dataclass(hint: TypeHint, values: Mapping[str, JsonValue]) -> DataclassType | None:
    """Return the dataclass that the hint names; for a tagged union, the one that the tag in `values` selects."""
    parts = dataclasses_of(hint)
    if len(parts) == 1:
        return parts[0]
    return next((part for part in parts if values.get(discriminator(part)[0]) == discriminator(part)[1]), None)


def dataclasses_of(hint: TypeHint | None) -> list[DataclassType]:
    """Return the dataclasses of a union, or the single dataclass that the hint names."""
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return [
        part
        for part in (typing.get_args(hint) if is_union else [hint])
        if isinstance(part, type) and is_dataclass(part)
    ]


def discriminator(part: DataclassType) -> tuple[str, str]:
    """Return the field that distinguishes the dataclasses of a union, and its value: (kind, slurm)."""
    [found] = [
        (name, typing.get_args(hint)[0])
        for name, hint in typing.get_type_hints(part).items()
        if typing.get_origin(hint) is typing.Literal and len(typing.get_args(hint)) == 1
    ]
    return found


def explain_unknown_key(config: DataclassType, key: str) -> str:
    """Return a message for an unknown key: its new name if it was renamed, or the choice that it belongs to."""
    if (current := current_key(key)) != key:
        return f"{key} is now {current}"
    group, _, rest = key.partition(".")
    parts = dataclasses_of(typing.get_type_hints(config).get(group))
    owners = [discriminator(part)[1] for part in parts if rest in {field.name for field in fields(part)}]
    if len(parts) > 1 and owners:
        return f"{key} exists only with {group}={' or '.join(owners)}"
    return f"{key}: there is no such key"


def renamed_value_messages(values: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield a message for each value that was renamed."""
    for key, names in RENAMED_VALUES.items():
        value = get_value(key, values)
        if isinstance(value, str) and value in names:
            yield f"{key}={value} is now {key}={names[value]}"


def get_value(key: str, values: Mapping[str, JsonValue]) -> JsonValue:
    """Return the value of a dotted key, or None if there is no such key."""
    head, _, rest = key.partition(".")
    value = values.get(head)
    if not rest:
        return value
    return get_value(rest, value) if isinstance(value, dict) else None


# ---------------------------------------------------------------------------------------------- hydra


def explain_hydra_error(config: DataclassType, error: Exception) -> str:
    """Return the message for an override that hydra refuses; `config` is the dataclass of the whole config."""
    text = str(error)
    if found := re.match(r"Could not (?:override|delete from config\.) '([^']+)'", text):
        # If the override's value is a mapping, the cause names the key in it.
        inner = str(getattr(error.__cause__, "full_key", None))
        key = inner if inner.startswith(f"{found[1]}.") else found[1]
        return f"{explain_unknown_key(config, key)}\n{ALL_SETTINGS}"
    if (found := re.search(r"Could not (?:find|load) '([^']+)'", text)) and found[1] in RENAMED_CHOICES:
        return f"{found[1].replace('/', '=')} is now {RENAMED_CHOICES[found[1]]}"
    return f"{text}\n{ALL_SETTINGS}"


def explain_composition_error(config: DataclassType, error: OmegaConfBaseException) -> str:
    """Return the message for a missing value or an interpolation without a target in the composed config."""
    key, text = error.full_key or "", str(error).partition("\n")[0]
    if isinstance(error, MissingMandatoryValue):
        choices = typing.get_args(typing.get_type_hints(config).get(key))
        allowed = f"one of {', '.join(map(str, choices))} is needed" if choices else f"set it, {key}=..."
        return f"{key} is missing: {allowed}"
    if found := re.fullmatch(r"Interpolation key '([^']+)' not found", text):
        return f"the value of {key} refers to another key; {explain_unknown_key(config, found[1])}"
    return f"the config cannot be composed: {key}: {text}"


# ---------------------------------------------------------------------------------------------- values


def explain_invalid_values(
    problems: Iterable[ErrorDetails], values: Mapping[str, JsonValue], composed: DictConfig
) -> list[str]:
    """Return one line for each problem that pydantic found in `values`, which were composed as `composed`."""
    lines = []
    for problem in problems:
        place = ".".join(config_path(problem["loc"], values, missing=problem["type"] == "missing"))
        message = PLAIN_MESSAGES.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        value = problem["input"]
        if problem["type"] == "union_tag_invalid":  # pydantic locates the union, not its discriminator
            context = problem["ctx"]
            field = context["discriminator"].strip("'")
            place = f"{place}.{field}"
            message, value = f"Input should be one of {context['expected_tags']}", context["tag"]
        if problem["type"] == "value_error":
            field, space, rest = message.partition(" ")
            key = f"{place}.{field}" if place else field
            lines.append(f"{interpolated_key(key, composed)}{space}{rest}")
        else:
            got = "" if isinstance(value, Mapping) else f" (got {value!r})"
            lines.append(f"{interpolated_key(place, composed)}: {message}{got}")
    return list(dict.fromkeys(lines))


def config_path(loc: tuple[int | str, ...], values: Mapping[str, JsonValue], *, missing: bool) -> list[str]:
    """Return pydantic's location as keys of the config, without the names of union members that pydantic puts in it."""
    path: list[str] = []
    node: JsonValue = dict(values)
    for position, part in enumerate(loc):
        if isinstance(node, dict):
            if part in node:
                node = node[str(part)]
            elif not (missing and position == len(loc) - 1):
                continue
        path.append(str(part))
    return path


def interpolated_key(key: str, composed: DictConfig) -> str:
    """Return the key that `key` is interpolated from, or `key` itself if its value is not an interpolation."""
    written = get_value(key, cast(dict[str, JsonValue], OmegaConf.to_container(composed, resolve=False)))
    source = re.fullmatch(r"\$\{(\w[\w.]*)\}", written) if isinstance(written, str) else None
    return interpolated_key(source[1], composed) if source else key
