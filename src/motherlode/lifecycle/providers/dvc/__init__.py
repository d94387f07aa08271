"""DVC's repositories, read without DVC."""

from motherlode.lifecycle.providers.dvc.provider import Dvc

__all__ = ["Dvc"]
