"""Runs in an environment of its own: sends events with OpenLineage's client, the ways that it knows."""

from __future__ import annotations

import sys
import uuid
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport


def event(run: Any, job: str, state: Any) -> Any:
    """Of a job that reads one table with a column and writes a file of its own."""
    fields = [schema_dataset.SchemaDatasetFacetFields("amount", "int")]
    facets = {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
    return RunEvent(
        eventType=state,
        eventTime="2026-03-01T12:00:00+00:00",
        run=run,
        job=Job("client", job),
        producer="https://example.org/tests",
        inputs=[InputDataset("postgres://db:5432", "shop.public.orders", facets=facets)],
        outputs=[OutputDataset("s3://lake", f"{job}/out.parquet")],
    )


def main(url: str, key: str) -> None:
    """Plain, compressed and asynchronous."""
    auth = {"type": "api_key", "apiKey": key}
    for name, more in (("plain", {}), ("zipped", {"compression": "gzip"})):
        config = HttpConfig.from_dict({"url": url, "auth": dict(auth), **more})
        client = OpenLineageClient(transport=HttpTransport(config))
        run = Run(str(uuid.uuid4()))
        for state in (RunState.START, RunState.COMPLETE):
            client.emit(event(run, name, state))
    transport = AsyncHttpTransport(AsyncHttpConfig.from_dict({"url": url, "auth": dict(auth)}))
    client = OpenLineageClient(transport=transport)
    for number in range(50):
        client.emit(event(Run(str(uuid.uuid4())), f"async{number}", RunState.COMPLETE))
    if not transport.close(60):
        raise SystemExit("the asynchronous transport did not deliver everything")


if __name__ == "__main__":
    main(*sys.argv[1:])
