from collections.abc import Iterator

import pytest

from tests.browser import Browser, served, started_browser
from tests.site_fixture import built_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the made-up lake's site."""
    with served(built_site().out) as url:
        yield url
