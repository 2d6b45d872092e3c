"""``oscine serve``: the studio without its page, as an HTTP API for programs."""

from typing import Annotated

import typer

from oscine.cli.studio import AllowedHosts, Data, Device, Host, MaxUpload, run_server


def serve(
    data: Data = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = 8421,
    host: Host = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            help="Token that requests need; if left out, one is made if other machines can reach it.",
            show_default=False,
        ),
    ] = None,
    allow_host: AllowedHosts = None,
    max_upload: MaxUpload = 50,
    device: Device = "auto",
) -> None:
    """Serve the HTTP API of the studio for programs; /openapi.json describes it."""
    run_server(data, port, host, token, allow_host, max_upload, device, has_page=False, opens=False)
