"""A remote in an S3-compatible bucket, or behind a web server that only gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache, partial
from typing import cast

import obstore
import obstore.exceptions as told
from obstore.store import HTTPStore, S3Store

from lake.remote.address import Address
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import headers
from lake.remote.refusals import explained
from lake.remote.settings import Access
from lake.remote.store import Stored

_SLOWEST = 100_000  # bytes a second: a request may take as long as its bytes need at this rate
_PIECE = 1 << 20
_TAKEN = (told.AlreadyExistsError, told.PreconditionError)


class ObjectStore:
    """A `Store` over obstore. obstore itself repeats nothing: what may be repeated is known one level up."""

    def __init__(self, address: Address, access: Access | None, timeout_s: float = 30.0) -> None:
        self.name = address.text
        self._address, self._access, self._timeout_s = address, access, timeout_s
        self._at = access.address if access else address.text
        self._client = lru_cache(maxsize=32)(self._make_client)

    def get(self, key: str) -> Stored:
        with self._errors(key, "get"):
            answer = obstore.get(self._client(0), key)
            return Stored(bytes(answer.bytes()), answer.meta["e_tag"] or "")

    def read_range(self, key: str, start: int, length: int) -> bytes:
        with self._errors(key, "get"):
            return bytes(obstore.get_range(self._client(length.bit_length()), key, start=start, length=length))

    def stream(self, key: str, size_bytes: int) -> Iterator[bytes]:
        with self._errors(key, "get"):
            for piece in obstore.get(self._client(size_bytes.bit_length()), key).stream(min_chunk_size=_PIECE):
                yield bytes(piece)

    def head(self, key: str) -> int | None:
        try:
            with self._errors(key, "get"):
                return int(obstore.head(self._client(0), key)["size"])
        except MissingError:
            return None

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        if self._access is None:
            raise self._read_only()
        with self._errors(prefix, "list"):
            for page in obstore.list(cast(S3Store, self._client(0)), prefix or None, chunk_size=1000):
                yield from ((str(one["path"]), int(one["size"])) for one in page)

    def put(self, key: str, data: bytes) -> None:
        self._put(key, data, "overwrite")

    def put_if_absent(self, key: str, data: bytes) -> bool:
        return self._put(key, data, "create")

    def put_if_match(self, key: str, data: bytes, etag: str | None) -> bool:
        return self._put(key, data, "create" if etag is None else {"e_tag": etag})

    def copy_fault(self) -> str | None:
        return None  # pages read the pointer itself

    def mend_copy(self) -> None:
        pass

    def _put(self, key: str, data: bytes, mode: "obstore.PutMode") -> bool:
        if self._access is None:
            raise self._read_only()
        try:
            with self._errors(key, "put"):
                obstore.put(
                    self._client(len(data).bit_length()), key, data,
                    mode=mode, attributes=headers(key), use_multipart=False,
                )  # fmt: skip
        except _TakenError:
            return False
        return True

    def _make_client(self, bits: int) -> S3Store | HTTPStore:
        """A client for files of up to 2^bits bytes; connections are shared by the files of one size."""
        seconds = timedelta(seconds=self._timeout_s + (2**bits / _SLOWEST if bits > 16 else 0))
        options: obstore.store.ClientConfig = {
            "timeout": seconds,
            "connect_timeout": timedelta(seconds=min(5.0, self._timeout_s)),
            "allow_http": True,  # the address says http or https; neither is changed on the way
        }
        retries: obstore.store.RetryConfig = {"max_retries": 0, "retry_timeout": seconds}
        if self._access is None:
            return HTTPStore.from_url(self._address.text, client_options=options, retry_config=retries)
        return S3Store(
            self._address.bucket,
            prefix=self._address.prefix or None,
            config={  # whatever stands here is not taken from the environment, which is read in settings.py alone
                "endpoint": self._at,
                "region": self._access.region,
                "skip_signature": False,
                "virtual_hosted_style_request": False,
            },
            credential_provider=partial(_credentials, self._access),
            client_options=options,
            retry_config=retries,
        )

    @contextmanager
    def _errors(self, key: str, does: str) -> Iterator[None]:
        try:
            yield
        except _TAKEN as error:
            raise _TakenError from error
        except (told.BaseError, OSError) as error:
            raise explained(error, self.name, key, does, self._at) from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # which pyo3 lets nobody import
                raise
            raise RemoteError(
                f"{self.name}: the library that speaks to {self._at} gave up ({error}). "
                "Check the address and the endpoint."
            ) from error

    def _read_only(self) -> RemoteError:
        return RemoteError(f"{self.name} is read only: a web address gives and does not take. Use s3:// to push.")


class _TakenError(Exception):
    """A condition was not met."""


def _credentials(access: Access) -> "obstore.store.S3Credential":
    return {
        "access_key_id": access.access_key,
        "secret_access_key": access.secret_key,
        "token": access.session_token,
        "expires_at": None,
    }
