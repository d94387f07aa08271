"""What must not come along from others' URLs."""

from __future__ import annotations

import re

__all__ = ["without_secrets"]

_USER_INFO = re.compile(r"(//)[^/@\s]+@")
_PARAMETER = re.compile(r"(?i)\b([a-z_-]*(?:password|passwd|pwd|token|secret|api_?key)[a-z_-]*)=[^&;\s]+")


def without_secrets(url: str) -> str:
    """A URL or namespace without user information, and with ``…`` for the values of passwords, tokens and keys."""
    if "@" in url:
        url = _USER_INFO.sub(r"\1", url)
    return _PARAMETER.sub(r"\1=…", url) if "=" in url else url
