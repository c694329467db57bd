"""A browser for the tests of a file, and the address of the made-up lake's site."""

from tests.site_fixture import browser, url

__all__ = ["browser", "url"]
