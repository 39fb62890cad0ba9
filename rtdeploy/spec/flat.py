"""Sections as flat settings, one unit in every key, for those who compare and store them."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import TypeAlias

from pydantic import SecretStr

from rtdeploy.spec.model import Section, TargetBase
from rtdeploy.spec.units import Duration, Quantity, Rate, Ratio, Size

__all__ = ["Json", "environment_of", "flatten"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_NOT_SETTINGS = frozenset({"provider", "environment"})
_FREE = frozenset({"value"})


def flatten(section: Section) -> dict[str, Json]:
    """Give dotted keys and JSON values, defaults filled in; what is None is left out.

    Units are in the keys: ``timeout_s`` (float), ``memory_bytes`` (int), ``rate_per_s``, ``errors_share`` (0 to 1).
    A target's ``provider`` and ``environment`` are left out: neither is a setting of the platform.
    """
    left_out = _NOT_SETTINGS if isinstance(section, TargetBase) else frozenset()
    return {key: value for name, raw in _values(section) if name not in left_out for key, value in _flat(name, raw)}


def environment_of(target: TargetBase) -> dict[str, str]:
    """Reveal the variables of a target; ``secret://`` references stay references."""
    return {name: value.get_secret_value() for name, value in target.environment.items()}


def _values(section: Section) -> Iterator[tuple[str, object]]:
    for name in type(section).model_fields:
        yield name, getattr(section, name)
    yield from (section.model_extra or {}).items()


def _flat(key: str, value: object) -> Iterator[tuple[str, Json]]:
    if value is None:
        return
    if isinstance(value, Section):
        for inner, held in flatten(value).items():
            yield f"{key}.{inner}", held
    elif isinstance(value, Quantity):
        yield _measured(key, value)
    else:
        yield key, _json(value)


def _measured(key: str, quantity: Quantity) -> tuple[str, Json]:
    match quantity:
        case Duration():
            return f"{key}_s", float(quantity.seconds)
        case Size():
            return f"{key}_bytes", quantity.bytes
        case Rate():
            return f"{key}_per_s", float(quantity.per_second)
        case Ratio():
            return f"{key}_share", float(quantity.share)
        case _:
            raise TypeError(f"{type(quantity).__name__} has no unit for keys")


def _json(value: object) -> Json:
    match value:
        case Section():
            return dict(flatten(value))
        case tuple() | list():
            return [_json(item) for item in value]
        case dict():
            return {str(key): _json(held) for key, held in value.items()}
        case bool() | int() | float() | None:
            return value
        case SecretStr():
            raise TypeError("a secret is no setting")
        case str() | PurePath():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value")
