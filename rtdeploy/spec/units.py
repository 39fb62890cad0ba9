"""Quantities with their unit: ``80ms``, ``200/s``, ``8GiB``, ``0.1%``."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

__all__ = ["Duration", "Quantity", "Rate", "Ratio", "Size"]

_NUMBER = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>[^\s\d].*?)?\s*")


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """A number in its base unit, written in a file with the unit that reads best.

    Subclasses name their units in :attr:`units`: suffix → factor to the base unit.
    """

    value: float

    units: ClassVar[dict[str, float]] = {}
    example: ClassVar[str] = ""
    noun: ClassVar[str] = ""

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read a quantity; ``ValueError`` says which units there are."""
        if isinstance(text, cls):
            return text
        wrong = f"a {cls.noun} needs a number and a unit ({', '.join(cls.units)}), like {cls.example}"
        match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
        if match is None or match["unit"] not in cls.units:
            raise ValueError(f"{text!r}: {wrong}")
        return cls(float(match["number"]) * cls.units[match["unit"]])

    def __str__(self) -> str:
        fitting = [(unit, factor) for unit, factor in self.units.items() if self.value >= factor]
        unit, factor = (
            max(fitting, key=lambda pair: pair[1]) if fitting else min(self.units.items(), key=lambda p: p[1])
        )
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
            "pattern": rf"^\s*(\d+(\.\d+)?|\.\d+)\s*({units})\s*$",
            "description": f"A {cls.noun} with its unit.",
            "examples": [cls.example],
        }


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

    @property
    def share(self) -> float:
        """The ratio as a number between 0 and 1."""
        return self.value
