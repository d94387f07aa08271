"""MLflow's stores, read without MLflow."""

from motherlode.lifecycle.providers.mlflow.provider import MLflow

__all__ = ["MLflow"]
