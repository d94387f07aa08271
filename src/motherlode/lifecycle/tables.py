"""The tables of the lifecycle graph, in both dialects, as migrations."""

from __future__ import annotations

from motherlode.core.sql import Session, create_tables

__all__ = ["MIGRATIONS", "NAMESPACE"]

NAMESPACE = "lifecycle"

# Instants are BIGINT microseconds since 1970; truth values are 0 and 1. Components count from 0 without gaps, so that
# a component's id is its row in the traversal's arrays. Edges and facts are only added; only their recorded_to changes.
# A component's name is what is shown now, folded is it without case; backwards is its path in its system, folded and
# read from the end, so that what ends a path is the beginning of a range in an index.
_TABLES = """
CREATE TABLE lifecycle_state (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE lifecycle_components (
    id BIGINT PRIMARY KEY, uri TEXT COLLATE BINARY NOT NULL, type TEXT NOT NULL, platform TEXT NOT NULL,
    name TEXT COLLATE BINARY NOT NULL, folded TEXT COLLATE BINARY NOT NULL, backwards TEXT COLLATE BINARY NOT NULL);
CREATE UNIQUE INDEX lifecycle_components_uri ON lifecycle_components (uri);
CREATE INDEX lifecycle_components_folded ON lifecycle_components (folded);
CREATE INDEX lifecycle_components_backwards ON lifecycle_components (backwards);
CREATE INDEX lifecycle_components_type ON lifecycle_components (type);
CREATE TABLE lifecycle_providers (
    id BIGINT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, is_listing INTEGER NOT NULL,
    swept_from BIGINT, swept_to BIGINT, heard_at BIGINT, n_rejected BIGINT NOT NULL, error TEXT);
CREATE UNIQUE INDEX lifecycle_providers_scope ON lifecycle_providers (name, scope);
CREATE TABLE lifecycle_contents (
    id BIGINT PRIMARY KEY, digest TEXT NOT NULL, attributes TEXT NOT NULL, edges TEXT NOT NULL);
CREATE UNIQUE INDEX lifecycle_contents_digest ON lifecycle_contents (digest);
CREATE TABLE lifecycle_spans (
    provider BIGINT NOT NULL, subject BIGINT NOT NULL, aspect TEXT NOT NULL,
    first_version BIGINT NOT NULL, last_version BIGINT NOT NULL, revision BIGINT NOT NULL,
    valid_from BIGINT NOT NULL, content BIGINT NOT NULL, seen_at BIGINT NOT NULL,
    PRIMARY KEY (subject, provider, aspect, first_version));
CREATE INDEX lifecycle_spans_provider ON lifecycle_spans (provider);
CREATE TABLE lifecycle_facts (
    id BIGINT PRIMARY KEY, component BIGINT NOT NULL, provider BIGINT NOT NULL, aspect TEXT NOT NULL,
    content BIGINT NOT NULL, valid_from BIGINT NOT NULL, valid_to BIGINT NOT NULL,
    recorded_from BIGINT NOT NULL, recorded_to BIGINT NOT NULL);
CREATE INDEX lifecycle_facts_component ON lifecycle_facts (component);
CREATE INDEX lifecycle_facts_closed ON lifecycle_facts (recorded_to) WHERE recorded_to < 4611686018427387904;
CREATE TABLE lifecycle_edges (
    id BIGINT PRIMARY KEY, source BIGINT NOT NULL, relation INTEGER NOT NULL, target BIGINT NOT NULL,
    provider BIGINT NOT NULL, subject BIGINT NOT NULL, aspect TEXT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL, evidence TEXT NOT NULL,
    valid_from BIGINT NOT NULL, valid_to BIGINT NOT NULL,
    recorded_from BIGINT NOT NULL, recorded_to BIGINT NOT NULL);
CREATE INDEX lifecycle_edges_source ON lifecycle_edges (source);
CREATE INDEX lifecycle_edges_target ON lifecycle_edges (target);
CREATE INDEX lifecycle_edges_subject ON lifecycle_edges (subject);
CREATE INDEX lifecycle_edges_closed ON lifecycle_edges (recorded_to) WHERE recorded_to < 4611686018427387904;
CREATE TABLE lifecycle_premises (edge BIGINT NOT NULL, support INTEGER NOT NULL, premise BIGINT NOT NULL);
CREATE INDEX lifecycle_premises_edge ON lifecycle_premises (edge);
CREATE INDEX lifecycle_premises_premise ON lifecycle_premises (premise);
CREATE TABLE lifecycle_keys (component BIGINT NOT NULL, name TEXT NOT NULL);
CREATE INDEX lifecycle_keys_component ON lifecycle_keys (component);
CREATE INDEX lifecycle_keys_name ON lifecycle_keys (name);
CREATE TABLE lifecycle_runs (
    run BIGINT PRIMARY KEY, provider BIGINT NOT NULL, job BIGINT NOT NULL, first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL, state TEXT NOT NULL, counted_at BIGINT, edges TEXT NOT NULL, attributes TEXT NOT NULL,
    revision BIGINT NOT NULL);
CREATE INDEX lifecycle_runs_job ON lifecycle_runs (job);
CREATE TABLE lifecycle_decisions (
    id BIGINT PRIMARY KEY, verdict TEXT NOT NULL, source BIGINT NOT NULL, relation INTEGER NOT NULL,
    target BIGINT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, decided_at BIGINT NOT NULL,
    undone_at BIGINT, undone_by TEXT);
CREATE INDEX lifecycle_decisions_source ON lifecycle_decisions (source);
CREATE TABLE lifecycle_notices (
    id BIGINT PRIMARY KEY, provider TEXT NOT NULL, scope TEXT NOT NULL, event TEXT NOT NULL, subject TEXT NOT NULL,
    received_at BIGINT NOT NULL, attempts INTEGER NOT NULL, next_at BIGINT NOT NULL, error TEXT);
CREATE UNIQUE INDEX lifecycle_notices_subject ON lifecycle_notices (provider, scope, subject);
CREATE TABLE lifecycle_quarantine (
    id BIGINT PRIMARY KEY, provider BIGINT NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL,
    seen_at BIGINT NOT NULL);
CREATE UNIQUE INDEX lifecycle_quarantine_what ON lifecycle_quarantine (provider, what);
CREATE TABLE lifecycle_texts (
    component BIGINT PRIMARY KEY, names TEXT NOT NULL, words TEXT NOT NULL, kinds TEXT NOT NULL)
"""

_SQLITE_TEXT = """
CREATE VIRTUAL TABLE lifecycle_text USING fts5 (
    names, words, kinds, content = 'lifecycle_texts', content_rowid = 'component',
    tokenize = "unicode61 remove_diacritics 2", prefix = '1 2 3')
"""
_POSTGRESQL_TEXT = """
ALTER TABLE lifecycle_texts ADD COLUMN terms tsvector;
CREATE INDEX lifecycle_texts_terms ON lifecycle_texts USING gin (terms)
"""


def _create(session: Session) -> None:
    create_tables(session, _TABLES, sqlite=_SQLITE_TEXT, postgresql=_POSTGRESQL_TEXT)


MIGRATIONS = (_create,)
