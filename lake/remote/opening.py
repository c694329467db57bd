"""From an address to the `Store` behind it."""

import os
from collections.abc import Mapping

from lake.remote.address import parse_address
from lake.remote.disk import FolderStore
from lake.remote.settings import read_access
from lake.remote.store import Store


def open_store(text: str, environment: Mapping[str, str] = os.environ) -> Store:
    """The remote at the address `text`; nothing is asked of it yet.

    Raises:
        RemoteError: `text` is no address, or there are no keys for the bucket.
    """
    address = parse_address(text)
    if address.kind == "file":
        return FolderStore(address.text, address.folder)
    from lake.remote.objects import ObjectStore  # brings obstore, which a folder needs none of

    return ObjectStore(address, read_access(environment) if address.kind == "s3" else None)
