"""``lode lifecycle serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from motherlode.cli.console import problems, reporting_errors

__all__ = ["serve_command"]


@reporting_errors
def serve_command(
    db: Annotated[
        str, typer.Option("--db", metavar="FILE|URL", help="The graph, made where none is.")
    ] = ".lode/lifecycle.db",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 5000,
    token: Annotated[
        str | None,
        typer.Option(envvar="LODE_TOKEN", help="Ask for Authorization: Bearer TOKEN; better set as LODE_TOKEN."),
    ] = None,
) -> None:
    """Take OpenLineage events over HTTP: point a client's OPENLINEAGE_URL here. Ctrl-C ends it."""
    from motherlode.server.serving import serve_lifecycle

    def say(url: str) -> None:
        problems().print(f"listening on {url}/api/v1/lineage, writing to {db}", markup=False, soft_wrap=True)

    serve_lifecycle(db, host=host, port=port, token=token, on_ready=say)
