"""What the store knows of predicates: their names, how many objects hold at a time, what lets one follow another."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from motherlode.errors import InputError, UnsupportedError
from motherlode.nuggets.record import digest

__all__ = ["CARDINALITIES", "Predicate", "Schema", "load_schema", "predicate_words"]

CARDINALITIES = ("functional", "multi_valued", "event_log")
_OBJECTS = ("", "name", "number", "date", "truth")
_SUPERSEDE = ("later_start", "human")


@dataclass(frozen=True, slots=True)
class Predicate:
    """One predicate and its policy; the fields are those of ``schema.toml``, which says what each means."""

    name: str
    cardinality: str = "multi_valued"
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    renaming: bool = False
    inverse: str | None = None
    supersede: str = "later_start"
    min_sources: int = 1
    object: str = ""

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("cardinality", self.cardinality, CARDINALITIES),
            ("object", self.object, _OBJECTS),
            ("supersede", self.supersede, _SUPERSEDE),
        ):
            if value not in allowed:
                known = ", ".join(value for value in allowed if value)
                raise InputError(f"the {what} of predicate {self.name!r} is one of {known}, not {value!r}")
        if type(self.min_sources) is not int or self.min_sources < 1:
            raise InputError(f"min_sources of predicate {self.name!r} is a number from 1 up, not {self.min_sources!r}")


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[\s_\-]+")


@lru_cache(maxsize=65_536)
def predicate_words(name: str) -> str:
    """A predicate's name as words: 'chiefExecutiveOfficer', 'Chief_Executive officer' → 'chief executive officer'."""
    return _SEPARATORS.sub(" ", _CAMEL.sub(" ", name)).strip().casefold()


def _lookup_key(name: str) -> str:
    return predicate_words(name).replace(" ", "")


@dataclass(frozen=True)
class Schema:
    """Predicates by any of their names.

    strict: a predicate that is not listed is refused; otherwise it is taken as multi-valued.
    accept, review: thresholds of a claim's confidence; below `accept` it waits for review, below `review` it is
        rejected.
    """

    predicates: tuple[Predicate, ...] = ()
    strict: bool = False
    accept: float = 0.85
    review: float = 0.6
    _by_name: dict[str, Predicate] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.review <= self.accept <= 1:
            raise InputError(f"thresholds need 0 ≤ review ≤ accept ≤ 1, not {self.review} and {self.accept}")
        names: dict[str, Predicate] = {}
        for predicate in self.predicates:
            for name in (predicate.name, *predicate.aliases):
                taken = names.setdefault(_lookup_key(name), predicate)
                if taken is not predicate:
                    raise InputError(f"{name!r} names two predicates of the schema: {taken.name} and {predicate.name}")
        object.__setattr__(self, "_by_name", names)

    def find(self, name: str) -> Predicate:
        """The predicate of a name or alias; one of its own, multi-valued, where it is not listed.

        Errors: InputError under a strict schema.
        """
        found = self._by_name.get(name) or self._by_name.get(_lookup_key(name))
        if found is None:
            if self.strict:
                raise InputError(
                    f"the predicate {name!r} is not in the schema, which is strict; add it there, or use one of "
                    f"{', '.join(sorted(p.name for p in self.predicates)[:12])}, …"
                )
            found = self._by_name[name] = Predicate(predicate_words(name) or name)
        return found

    def extended(self, other: Schema) -> Schema:
        """This schema with another's predicates in place of those with the same name, and its settings."""
        mine = {predicate.name: predicate for predicate in self.predicates}
        theirs = {predicate.name: predicate for predicate in other.predicates}
        return replace(other, predicates=tuple({**mine, **theirs}.values()))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `load_schema` reads it."""
        plain = {
            predicate.name: {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in asdict(predicate).items()
                if key != "name"
            }
            for predicate in self.predicates
        }
        return {"strict": self.strict, "accept": self.accept, "review": self.review, "predicates": plain}

    @property
    def fingerprint(self) -> str:
        """The same for equal schemas."""
        return digest(sorted(map(repr, self.predicates)), self.strict, self.accept, self.review)


@cache
def _shipped() -> Schema:
    text = files("motherlode.nuggets").joinpath("schema.toml").read_text("utf-8")
    return _from_mapping(tomllib.loads(text), "the shipped schema")


def load_schema(source: str | Path | Mapping[str, Any] | None = None, *, extend: bool = True) -> Schema:
    """A schema from a TOML or YAML file or a mapping; None is the one that is shipped (some 90 predicates).

    extend: add to the shipped one, rather than stand alone.

    Errors: InputError with the place of the fault, for malformed files, unknown fields, wrong values; UnsupportedError
    for a YAML file without PyYAML.
    """
    if source is None:
        return _shipped()
    if isinstance(source, Mapping):
        given = _from_mapping(source, "the schema")
    else:
        path = Path(source)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the schema {path} cannot be read: {error}") from None
        given = _from_mapping(_parse(path, text), str(path))
    return _shipped().extended(given) if extend else given


def _parse(path: Path, text: str) -> Any:
    if path.suffix.lower() not in (".yaml", ".yml"):
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"the schema {path} is no TOML: {error}") from None
    try:
        import yaml
    except ImportError:
        raise UnsupportedError(
            f"reading {path} needs PyYAML: pip install 'motherlode[extract]', or write the schema as TOML"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"the schema {path} is no YAML: {error}") from None


def _from_mapping(given: Any, where: str) -> Schema:
    if not isinstance(given, Mapping):
        raise InputError(f"{where} is a table with 'predicates', not {type(given).__name__}")
    unknown = sorted(set(given) - {"predicates", "strict", "accept", "review"})
    if unknown:
        raise InputError(f"{where} has the unknown fields {', '.join(map(str, unknown))}; known: predicates, strict, …")
    listed = given.get("predicates") or {}
    if not isinstance(listed, Mapping):
        raise InputError(f"'predicates' of {where} is a table from names to their settings")
    allowed = {f.name for f in fields(Predicate)} - {"name"}
    predicates = []
    for name, settings in listed.items():
        if settings is not None and not isinstance(settings, Mapping):
            raise InputError(f"predicate {name!r} of {where} is a table of settings, not {settings!r}")
        settings = dict(settings or {})
        unknown = sorted(set(settings) - allowed)
        if unknown:
            raise InputError(
                f"predicate {name!r} of {where} has the unknown fields {', '.join(map(str, unknown))}; "
                f"known: {', '.join(sorted(allowed))}"
            )
        for plural in ("aliases", "words"):
            values = settings.get(plural, ())
            if isinstance(values, str) or not all(isinstance(value, str) for value in values):
                raise InputError(f"{plural} of predicate {name!r} of {where} is a list of texts, not {values!r}")
            settings[plural] = tuple(values)
        predicates.append(Predicate(str(name), **settings))
    strict, accept, review = given.get("strict", False), given.get("accept", 0.85), given.get("review", 0.6)
    if not isinstance(strict, bool) or not all(isinstance(x, int | float) for x in (accept, review)):
        raise InputError(f"{where}: strict is true or false, accept and review are numbers")
    return Schema(tuple(predicates), strict, float(accept), float(review))
