"""Feast's registries, read without Feast."""

from motherlode.lifecycle.providers.feast.provider import Feast

__all__ = ["Feast"]
