"""Addresses of components: ``lode://<type>/<platform>/<id>``.

The id is kept as its source writes it, case and all; only what would end a URI or break a line is percent-encoded, so
that ``lode://dataset/postgres/db.example:5432/shop.public.Bestellungen-größe`` stays readable.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from motherlode.errors import InputError

__all__ = ["SCHEME", "Uri", "make_uri", "parse_uri"]

SCHEME = "lode://"
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_PLATFORM = re.compile(r"[a-z0-9][a-z0-9_+.-]*")
_ENCODED = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029%?#\"<>\\^`{|}]")
_ESCAPE = re.compile(r"((?:%[0-9A-F]{2})+)")


class Uri(NamedTuple):
    """The three parts of an address, decoded."""

    type: str
    platform: str
    id: str

    def __str__(self) -> str:
        return make_uri(self.type, self.platform, self.id)


def make_uri(type: str, platform: str, id: str) -> str:  # noqa: A002 - the parts' own names
    """The address of a component.

    type: a lower-case word, e.g. ``dataset``; platform: lower-case, e.g. ``postgres`` or ``mlflow``; id: any text that
    is not empty. Raises InputError for anything else.
    """
    if not _WORD.fullmatch(type):
        raise InputError(f"component type {type!r}: expected a lower-case word, e.g. 'dataset' or 'ab_test'")
    if not _PLATFORM.fullmatch(platform):
        raise InputError(f"platform {platform!r}: expected lower-case letters, digits and _+.-, e.g. 'mlflow'")
    if not id.strip():
        raise InputError(f"a {type} of {platform} has an empty id; give the name that its source knows it by")
    try:
        id.encode()
    except UnicodeEncodeError:
        raise InputError(f"the id {id!r} has half a surrogate pair, which is no character; decode it anew") from None
    return f"{SCHEME}{type}/{platform}/{_ENCODED.sub(_encoded, id)}"


def _encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())


@lru_cache(maxsize=65536)
def parse_uri(uri: str) -> Uri:
    """The parts of an address. Raises InputError when it is none, or not spelled as `make_uri` spells it."""
    parts = uri[len(SCHEME) :].split("/", 2) if uri.startswith(SCHEME) else []
    if len(parts) != 3:
        raise InputError(f"{uri!r} is no component's address; expected lode://<type>/<platform>/<id>")
    found = Uri(parts[0], parts[1], _ESCAPE.sub(_decoded, parts[2]))
    if str(found) != uri:
        raise InputError(f"{uri!r}: an address has one spelling; this one is spelled {found}")
    return found


def _decoded(match: re.Match[str]) -> str:
    return bytes.fromhex(match.group().replace("%", "")).decode("utf-8", "replace")
