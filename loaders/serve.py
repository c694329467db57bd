"""Serves the built site on this machine, as a static host does: ranges, ETags, headers of `_headers`."""

import errno
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

from loaders.errors import SiteError
from loaders.requests import SiteHandler


def check_site(out: Path) -> None:
    """Raises SiteError where `out` holds no built site."""
    if not (out / "index.html").exists() or not (out / "data" / "manifest.json").exists():
        raise SiteError(f"{out} holds no site yet. Build it: ./run site")


def listen(out: Path, port: int) -> ThreadingHTTPServer:
    """A server of `out` that listens on 127.0.0.1; port 0 picks a free one.

    Raises:
        SiteError: the port is taken, may not be used, or is none.
    """
    handler = type("Handler", (SiteHandler,), {"root": out})
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        reason = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be used by you"}
        what = reason.get(getattr(error, "errno", 0) or 0, f"cannot be used ({error})")
        raise SiteError(
            f"port {port} {what}. Choose another, --port {port + 1 if 0 < port < 65535 else 8000}, "
            "or let the system choose: --port 0"
        ) from error
    server.daemon_threads = True
    return server


def serve(out: Path, port: int) -> None:
    """Serve until Ctrl-C; the address goes to stdout once it answers."""
    with listen(out, port) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        print("serve: Ctrl-C ends it", file=sys.stderr)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nserve: stopped", file=sys.stderr)
