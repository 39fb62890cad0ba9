"""Quantities with their unit: ``80ms``, ``200/s``, ``8GiB``, ``0.1%``."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

__all__ = ["Duration", "Positive", "Quantity", "Rate", "Ratio", "Size"]

_NUMBER = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(?P<unit>[^\s0-9]\S*)?")
_LONGEST = 64
"""Characters; nothing longer is a quantity, and no pattern has to look at it."""


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """A number in its base unit, written in a file with the unit that reads best.

    Subclasses name their units in :attr:`units`: suffix → factor to the base unit.
    """

    value: float

    units: ClassVar[dict[str, float]] = {}
    example: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    most: ClassVar[float | None] = None

    @classmethod
    def wanted(cls, more_than: str = "") -> str:
        """Say in words what can be read: ``a rate: a number and its unit (/s, /m, /h), like 200/s``."""
        bound = f" of more than {more_than}" if more_than else ""
        return f"a {cls.noun}{bound}: a number and its unit ({', '.join(cls.units)}), like {cls.example}"

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read a quantity; ``ValueError`` says which units there are."""
        if isinstance(text, cls):
            return text
        short = text.strip() if isinstance(text, str) and len(text) <= _LONGEST else ""
        match = _NUMBER.fullmatch(short)
        if match is None or match["unit"] not in cls.units:
            shown = repr(text) if short else f"a {type(text).__name__}"
            raise ValueError(f"{shown} is not {cls.wanted()}")
        value = float(match["number"]) * cls.units[match["unit"]]
        if cls.most is not None and value > cls.most:
            raise ValueError(f"{text!r} is more than {cls(cls.most)}")
        return cls(value)

    def __str__(self) -> str:
        fitting = [(unit, factor) for unit, factor in self.units.items() if self.value >= factor]
        if not fitting:
            base = [unit for unit, factor in self.units.items() if factor == 1] or list(self.units)
            smallest = base[0] if self.value == 0 else min(self.units, key=lambda unit: self.units[unit])
            return f"{self.value / self.units[smallest]:.12g}{smallest}"
        unit, factor = max(fitting, key=lambda pair: pair[1])
        return f"{self.value / factor:.12g}{unit}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        units = "|".join(re.escape(unit) for unit in cls.units)
        return {
            "type": "string",
            "title": cls.noun,
            "pattern": rf"^\s*({cls._digits()})\s*({units})\s*$",
            "maxLength": _LONGEST,
            "examples": [cls.example],
        }

    @classmethod
    def _digits(cls) -> str:
        return r"[0-9]+(\.[0-9]+)?|\.[0-9]+"


class Duration(Quantity):
    """Seconds."""

    units: ClassVar[dict[str, float]] = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
    example: ClassVar[str] = "80ms"
    noun: ClassVar[str] = "duration"

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self.value

    @property
    def ms(self) -> float:
        """The duration in milliseconds."""
        return self.value * 1e3


class Rate(Quantity):
    """Requests per second."""

    units: ClassVar[dict[str, float]] = {"/s": 1, "/m": 1 / 60, "/h": 1 / 3600}
    example: ClassVar[str] = "200/s"
    noun: ClassVar[str] = "rate"

    @property
    def per_second(self) -> float:
        """The rate in 1/s."""
        return self.value


class Size(Quantity):
    """Bytes."""

    units: ClassVar[dict[str, float]] = {
        "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    }  # fmt: skip
    example: ClassVar[str] = "8GiB"
    noun: ClassVar[str] = "size"

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return round(self.value)


class Ratio(Quantity):
    """A share between 0 and 1."""

    units: ClassVar[dict[str, float]] = {"%": 0.01}
    example: ClassVar[str] = "0.1%"
    noun: ClassVar[str] = "percentage"
    most: ClassVar[float | None] = 1

    @classmethod
    def wanted(cls, more_than: str = "0%") -> str:
        """Say in words what can be read."""
        return f"a {cls.noun} from {more_than} to 100%, like {cls.example}"

    @property
    def share(self) -> float:
        """The ratio as a number between 0 and 1."""
        return self.value

    @classmethod
    def _digits(cls) -> str:
        return r"100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?|\.[0-9]+"


@dataclass(frozen=True, slots=True)
class Positive:
    """Metadata of a quantity that may not be 0: ``Annotated[Duration, Positive()]``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            _more_than_0, handler(source), serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        wider = handler(schema)
        return wider | {"pattern": "^(?=[^1-9]*[1-9])" + wider["pattern"].removeprefix("^")}


def _more_than_0(quantity: Quantity) -> Quantity:
    if quantity.value <= 0:
        raise ValueError(f"{quantity} is not more than 0")
    return quantity
