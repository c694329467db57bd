"""A server that speaks the S3 protocol on loopback and checks signatures and rights: moto, one request at a time.

moto looks whether a condition holds and then writes, in two steps. Storage services promise one step, and so the
server here has a lock around the whole of each request: of two that arrive at once, the second sees what the first did.
"""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

BUCKET = "lab-results"
_ACCOUNT = "123456789012"
# user -> what it may do
RIGHTS = {"writer": ["s3:*"], "reader": ["s3:GetObject", "s3:ListBucket"], "stranger": ["iam:GetUser"]}


@dataclass(frozen=True)
class Keys:
    """A user's pair of keys."""

    access: str
    secret: str


class S3Server:
    """Runs in a thread of this process until `stop`; begins with the empty bucket BUCKET."""

    def __init__(self) -> None:
        from moto import settings
        from moto.backends import get_backend
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class KeepAlive(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.backend: Any = get_backend("s3")[_ACCOUNT]["aws"]
        self.backend.reset()
        self.backend.create_bucket(BUCKET, "us-east-1")
        iam: Any = get_backend("iam")[_ACCOUNT]["aws"]
        iam.reset()
        self.keys = {user: _user(iam, user, actions) for user, actions in RIGHTS.items()}
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        app = one_at_a_time(DomainDispatcherApplication(create_backend_app))
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=KeepAlive)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.port: int = self._server.server_port

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def objects(self, bucket: str = BUCKET) -> dict[str, bytes]:
        """Every key of the bucket with its bytes, past the protocol."""
        return {key: self.backend.get_object(bucket, key).value for key in self.backend.buckets[bucket].keys}


def one_at_a_time(app: Callable[..., Iterable[bytes]]) -> Callable[[WSGIEnvironment, StartResponse], list[bytes]]:
    """`app` with its requests in a row; a request is read whole before its turn, and answered whole in it."""
    turn = threading.Lock()

    def whole(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with turn:
            return [b"".join(app(environ, start_response))]

    return whole


def _user(iam: Any, name: str, actions: list[str]) -> Keys:
    iam.create_user("us-east-1", name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_user_policy(name, "rights", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(name)
    return Keys(key.access_key_id, key.secret_access_key)


if __name__ == "__main__":  # a process of its own, for the long runs: prints where it is, ends with its stdin
    server = S3Server()
    writer = server.keys["writer"]
    print(json.dumps({"port": server.port, "access": writer.access, "secret": writer.secret}), flush=True)
    sys.stdin.read()
    server.stop()
