"""``oscine studio``: a page on this machine on which instruments are learned and played."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.terminal import terminal

Data = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where recordings and instruments are kept.", show_default=False),
]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="0.0.0.0 allows other machines, with a token.")]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME[:PORT]",
        help="A further host name of this server, such as that of a proxy.",
    ),
]
MaxUpload = Annotated[int, typer.Option(metavar="MB", min=1, max=100_000, help="Largest upload.")]
Device = Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to compute.")]


def studio(
    data: Data = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = 8420,
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
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Open the studio: a page to record, learn, play and share instruments, on this machine alone."""
    run_server(data, port, host, token, allow_host, max_upload, device, has_page=True, opens=not no_browser)


def run_server(
    data: Path | None,
    port: int,
    host: str,
    token: str | None,
    allow_host: list[str] | None,
    max_upload: int,
    device: str,
    *,
    has_page: bool,
    opens: bool,
) -> None:
    """Serve until Ctrl-C; say where, and open the page if that is wanted."""
    import threading
    import webbrowser

    from oscine.devices import usable_device
    from oscine.studio import Limits, opened

    usable_device(device)
    console = terminal(stderr=True)
    with opened(
        data,
        host=host,
        port=port,
        token=token,
        allowed_hosts=allow_host or (),
        has_page=has_page,
        limits=Limits(upload_bytes=max_upload << 20),
        device=device,
        on_words=lambda text: console.print(text, soft_wrap=True),
    ) as server:
        what = "The studio is at" if has_page else "The API is at"
        console.print(f"{what} {server.address}", soft_wrap=True)
        if server.address_for_others:
            console.print(f"Other machines may reach it at {server.address_for_others}", soft_wrap=True)
        if server.token and not has_page:
            console.print(f"Requests need the header  Authorization: Bearer {server.token}", soft_wrap=True)
        console.print(f"Its data is in {server.studio.root.path}. Ctrl-C ends it.", soft_wrap=True)
        if opens:
            threading.Timer(0.5, webbrowser.open, (server.address,)).start()
        server.run()
