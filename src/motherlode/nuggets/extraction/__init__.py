"""From a document's text to claims: time expressions, sentences, patterns, tables, lists; no model is needed."""
