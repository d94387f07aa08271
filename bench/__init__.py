"""Benchmarks against the peers; see README.md."""
