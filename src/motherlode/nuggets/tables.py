"""The tables of the nugget store, in both dialects, as migrations."""

from __future__ import annotations

from motherlode.core.sql import Session, create_tables

__all__ = ["MIGRATIONS", "NAMESPACE", "TABLES", "index_claims"]

NAMESPACE = "nuggets"
TABLES = (
    "nugget_documents",
    "nugget_claims",
    "nugget_versions",
    "nugget_aliases",
    "nugget_words",
    "nugget_extractions",
    "nugget_events",
)
"""Those that hold words of documents, or their names."""

# Instants are BIGINT microseconds since 1970; truth values are 0 and 1; ids are hashes as text.
_TABLES = """
CREATE TABLE nugget_state (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE nugget_documents (
    doc BIGINT PRIMARY KEY, source TEXT NOT NULL, version TEXT, published TEXT, publisher TEXT, title TEXT, url TEXT,
    text TEXT, text_digest TEXT, extractor TEXT, recorded_at BIGINT NOT NULL);
CREATE INDEX nugget_documents_source ON nugget_documents (source);
CREATE TABLE nugget_claims (
    seq BIGINT PRIMARY KEY, claim_id TEXT NOT NULL, doc BIGINT NOT NULL, key BIGINT NOT NULL, scope TEXT NOT NULL,
    subject TEXT NOT NULL, subject_key TEXT NOT NULL, said_predicate TEXT NOT NULL, predicate TEXT NOT NULL,
    object TEXT NOT NULL, object_kind TEXT NOT NULL, object_key TEXT NOT NULL, negated INTEGER NOT NULL,
    start_earliest BIGINT, start_latest BIGINT, start_granularity INTEGER,
    end_earliest BIGINT, end_latest BIGINT, end_granularity INTEGER,
    publisher TEXT NOT NULL, confidence DOUBLE PRECISION, kind TEXT NOT NULL,
    text TEXT, span_begin INTEGER, span_end INTEGER, recorded_at BIGINT NOT NULL);
CREATE INDEX nugget_claims_key ON nugget_claims (key);
CREATE INDEX nugget_claims_doc ON nugget_claims (doc);
CREATE INDEX nugget_claims_id ON nugget_claims (claim_id);
CREATE TABLE nugget_events (
    event_id TEXT PRIMARY KEY, type TEXT NOT NULL, decided_at BIGINT NOT NULL, actor TEXT NOT NULL,
    reason TEXT NOT NULL, payload TEXT NOT NULL, recorded_at BIGINT NOT NULL);
CREATE TABLE nugget_versions (
    version BIGINT PRIMARY KEY, nugget_id TEXT NOT NULL, key BIGINT NOT NULL, scope TEXT NOT NULL,
    subject TEXT NOT NULL, subject_key TEXT NOT NULL, predicate TEXT NOT NULL,
    object TEXT NOT NULL, object_key TEXT NOT NULL, state TEXT NOT NULL, preferred INTEGER NOT NULL,
    start_earliest BIGINT NOT NULL, start_latest BIGINT NOT NULL, start_granularity INTEGER,
    end_earliest BIGINT NOT NULL, end_latest BIGINT NOT NULL, end_granularity INTEGER,
    end_is_derived INTEGER NOT NULL, n_sources INTEGER NOT NULL, superseded_by TEXT, contests TEXT NOT NULL,
    why TEXT NOT NULL, claims TEXT NOT NULL, aliases TEXT NOT NULL, kind TEXT NOT NULL, confidence DOUBLE PRECISION,
    sources TEXT NOT NULL, words TEXT NOT NULL, recorded_from BIGINT NOT NULL, recorded_to BIGINT NOT NULL);
CREATE INDEX nugget_versions_key ON nugget_versions (key);
CREATE INDEX nugget_versions_id ON nugget_versions (nugget_id);
CREATE INDEX nugget_versions_subject ON nugget_versions (subject_key, predicate);
CREATE TABLE nugget_aliases (alias TEXT PRIMARY KEY, nugget_id TEXT NOT NULL);
CREATE TABLE nugget_predicates (name TEXT PRIMARY KEY);
CREATE TABLE nugget_words (word TEXT PRIMARY KEY, n BIGINT NOT NULL);
CREATE TABLE nugget_tombstones (nugget_id TEXT PRIMARY KEY, erased_at BIGINT NOT NULL, event_id TEXT NOT NULL);
CREATE TABLE nugget_extractions (cache_key TEXT PRIMARY KEY, source TEXT NOT NULL, value TEXT NOT NULL)
"""

# Words arrive cut and folded (words.py); the tokenizer has nothing left to do but to keep them whole. detail=none: no
# positions, since a nugget is too short for phrases to matter.
_SQLITE_TEXT = """
CREATE VIRTUAL TABLE nugget_text USING fts5 (
    words, content = 'nugget_versions', content_rowid = 'version', detail = none, columnsize = 0,
    tokenize = "ascii tokenchars '+#'")
"""
_POSTGRESQL_TEXT = """
ALTER TABLE nugget_versions ADD COLUMN terms tsvector;
CREATE INDEX nugget_versions_terms ON nugget_versions USING gin (terms)
"""


def _create(session: Session) -> None:
    create_tables(session, _TABLES, sqlite=_SQLITE_TEXT, postgresql=_POSTGRESQL_TEXT)


MIGRATIONS = (_create,)


def index_claims(session: Session, *columns: str) -> None:
    """Let events that are rare find claims by publisher or by names. The first one makes the index, then loads pay."""
    for column in columns:
        session.execute(f"CREATE INDEX IF NOT EXISTS nugget_claims_{column} ON nugget_claims ({column})")
