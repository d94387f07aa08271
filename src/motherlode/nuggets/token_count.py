"""About how many tokens a language model makes of a text: for windows, costs and contexts alike."""

from __future__ import annotations

import re

__all__ = ["count_tokens"]

_TOKEN = re.compile(r"[A-Za-z]{1,6}|\d{1,3}|[^\sA-Za-z\d]")


def count_tokens(text: str) -> int:
    """About how many tokens a model makes of a text, without that model's tokenizer.

    A word counts one for every 6 letters begun, digits one for every three, signs and letters of other scripts one
    each. Against the byte-pair vocabulary cl100k this is 6 % more over 320 Wikipedia pages, for single pages 0.85 to
    1.23 times as many; of long compounds and rare scripts that vocabulary makes up to half as many again.
    """
    return len(_TOKEN.findall(text))
