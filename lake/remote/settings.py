"""Endpoint, region and keys: from the environment or from the usual AWS profile files, the only places they are in."""

import configparser
import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lake.remote.errors import RemoteError

R2_HOST = ".r2.cloudflarestorage.com"


@dataclass(frozen=True)
class Access:
    """How a bucket is reached; the secrets are left out of its printed form."""

    endpoint: str | None  # None: AWS itself
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)

    @property
    def address(self) -> str:
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


def read_access(environment: Mapping[str, str] = os.environ) -> Access:
    """The access that the environment gives, then the profile AWS_PROFILE names, 'default' without.

    Raises:
        RemoteError: no keys are to be found, or a profile file cannot be read.
    """
    keys, profile = _keys(environment), _profile(environment)
    if keys is None:
        found = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
        if not found[0] or not found[1]:
            raise RemoteError(
                "no keys for the bucket: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor has "
                f"{_file(environment, 'AWS_SHARED_CREDENTIALS_FILE', 'credentials')} a profile "
                f"{environment.get('AWS_PROFILE') or 'default'!r} with both. Set one of them; "
                "a bucket that is public is read without keys at its https:// address."
            )
        keys = (found[0], found[1], profile.get("aws_session_token"))
    endpoint = (
        environment.get("KDGAT_S3_ENDPOINT")
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
        or profile.get("endpoint_url")
    )
    if endpoint:
        _check_endpoint(endpoint)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or profile.get("region")
    if endpoint and (urlsplit(endpoint).hostname or "").endswith(R2_HOST):
        region = "auto"  # R2 knows no other, and the one in the environment is of another service
    return Access(endpoint and endpoint.rstrip("/"), region or ("auto" if endpoint else "us-east-1"), *keys)


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0  # a port above 65535 raises
    except ValueError:
        fits = False
    if not fits:
        raise RemoteError(
            f"the endpoint {endpoint!r} is no address: it is https://HOST or https://HOST:PORT, a port from 1 to 65535."
        )


def publisher(environment: Mapping[str, str] = os.environ) -> str:
    """Who publishes, as others are told: KDGAT_PUBLISHER, or the login name and machine."""
    if named := environment.get("KDGAT_PUBLISHER"):
        return named
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        login = str(os.getuid())
    return f"{login}@{socket.gethostname()}"


def _keys(environment: Mapping[str, str]) -> tuple[str, str, str | None] | None:
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if bool(key) != bool(secret):
        lacking = "AWS_SECRET_ACCESS_KEY" if key else "AWS_ACCESS_KEY_ID"
        raise RemoteError(f"{lacking} is not set, the other half of the pair is. Set both, or neither.")
    return (key, secret, environment.get("AWS_SESSION_TOKEN") or None) if key and secret else None


def _profile(environment: Mapping[str, str]) -> dict[str, str]:
    """The profile's values: those of `config`, and over them those of `credentials`."""
    name = environment.get("AWS_PROFILE") or "default"
    values: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        path = _file(environment, variable, file)
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text() if path.is_file() else "")
        except (configparser.Error, OSError, UnicodeDecodeError) as error:
            reason = type(error).__name__  # its text may hold a line of the file, and that line a key
            raise RemoteError(f"{path} cannot be read as a profile file ({reason}). Put it right.") from None
        if parser.has_section(section):
            values |= dict(parser.items(section))
    return values


def _file(environment: Mapping[str, str], variable: str, name: str) -> Path:
    return Path(environment.get(variable) or Path("~") / ".aws" / name).expanduser()
