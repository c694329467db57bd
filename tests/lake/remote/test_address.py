"""An address is one of three forms, and holds no keys."""

from pathlib import Path

import pytest

from lake.remote.address import parse_address
from lake.remote.errors import RemoteError


@pytest.mark.parametrize(
    ("text", "kind", "bucket", "prefix"),
    [
        ("s3://lab", "s3", "lab", ""),
        ("s3://lab-results/kd-gat/lake/", "s3", "lab-results", "kd-gat/lake"),
        ("file:///srv/shared/a%20lake", "file", "", "srv/shared/a lake"),
        ("https://results.example.org/lake", "http", "", "lake"),
        ("http://127.0.0.1:8000", "http", "", ""),
    ],
)
def test_each_form_is_read(text: str, kind: str, bucket: str, prefix: str) -> None:
    address = parse_address(text)
    assert (address.kind, address.bucket, address.prefix) == (kind, bucket, prefix)
    assert address.text == text.rstrip("/")


def test_a_folder_is_absolute() -> None:
    assert parse_address("file:///srv/lake").folder == Path("/srv/lake")


@pytest.mark.parametrize(
    "text",
    ["", "lab", "/srv/lake", "s3:lab", "s3://", "s3://lab/a//b", "s3://lab/../x", "file://host/x", "file:///",
     "ftp://lab/x", "s3://lab/x?acl", "https:///x", "https://host/x#top", "https://host:99999/x",
     "https://host:0/x", "https://[::1/x"],
)  # fmt: skip
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(RemoteError, match="is no address of a remote"):
        parse_address(text)


def test_keys_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(RemoteError, match="an address holds no keys") as caught:
        parse_address("https://me:hush@host/lake")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["Lab", "ab", "a" * 64, "lab_1", "-lab"])
def test_a_name_that_no_bucket_has_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(RemoteError, match="cannot be a bucket's name: that has 3 to 63 small letters"):
        parse_address(f"s3://{name}/lake")
