"""Where a remote is, from the words a person gave."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from lake.remote.errors import RemoteError

FORMS = "s3://BUCKET/PREFIX, file:///FOLDER, or https://HOST/PATH to read only"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Address:
    """A bucket with a prefix in it, a folder, or a web address."""

    kind: Literal["s3", "file", "http"]
    text: str
    bucket: str = ""
    prefix: str = ""  # without slashes at its ends

    @property
    def folder(self) -> Path:
        return Path("/" + self.prefix)


def parse_address(text: str) -> Address:
    """The address that `text` writes.

    Raises:
        RemoteError: it is none of the forms.
    """
    try:
        parts = urlsplit(text.rstrip("/"))
        is_port = parts.port != 0
    except ValueError:  # brackets that do not close, a port above 65535
        parts, is_port = urlsplit(""), False
    prefix = parts.path.strip("/")
    if parts.username or parts.password:
        raise RemoteError(
            "an address holds no keys: they would end in the shell's history. Use the environment or a profile."
        )
    if parts.query or parts.fragment:
        raise RemoteError(f"{text!r} is no address of a remote: it has a ? or #. Forms: {FORMS}.")
    if parts.scheme == "s3" and parts.netloc and not _BUCKET.fullmatch(parts.netloc):
        raise RemoteError(
            f"{parts.netloc!r} cannot be a bucket's name: that has 3 to 63 small letters, digits, '.' and '-', and "
            "begins and ends with a letter or digit."
        )
    if parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc) and _is_plain(prefix):
        return Address("s3", text.rstrip("/"), parts.netloc, prefix)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and prefix and _is_plain(unquote(prefix)):
        return Address("file", text.rstrip("/"), prefix=unquote(prefix))
    if parts.scheme in ("http", "https") and parts.hostname and is_port and _is_plain(prefix):
        return Address("http", text.rstrip("/"), prefix=prefix)
    raise RemoteError(f"{text!r} is no address of a remote. Forms: {FORMS}.")


def _is_plain(prefix: str) -> bool:
    """Services differ in what they make of an empty or a dotted step, so neither is taken."""
    return not prefix or all(step not in ("", ".", "..") for step in prefix.split("/"))
