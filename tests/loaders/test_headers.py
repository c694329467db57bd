from pathlib import Path

import pytest

from loaders.headers import headers_for, read_headers, site_headers, write_headers


@pytest.mark.parametrize("is_quarto", [True, False])
def test_what_is_written_is_what_is_served(tmp_path: Path, is_quarto: bool) -> None:
    rules = site_headers(is_quarto)
    write_headers(tmp_path / "_headers", rules)
    assert read_headers(tmp_path / "_headers") == rules


def test_only_the_sql_page_may_compile_webassembly() -> None:
    rules = site_headers(paper_is_quarto=False)
    policy = {path: headers_for(rules, path)["Content-Security-Policy"]
              for path in ("/", "/dashboard/leaderboard/", "/paper/", "/dashboard/sql/")}  # fmt: skip
    assert [path for path in policy if "wasm-unsafe-eval" in policy[path]] == ["/dashboard/sql/"]
    for text in policy.values():
        assert "default-src 'none'" in text
        assert "'unsafe-inline'" not in text
        assert "'unsafe-eval'" not in text
        assert "http" not in text


def test_quarto_loosens_the_paper_alone() -> None:
    rules = site_headers(paper_is_quarto=True)
    assert "'unsafe-eval'" in headers_for(rules, "/paper/")["Content-Security-Policy"]
    assert "'unsafe-eval'" not in headers_for(rules, "/dashboard/")["Content-Security-Policy"]


def test_a_later_rule_drops_the_header_it_replaces(tmp_path: Path) -> None:
    write_headers(tmp_path / "_headers", {"/*": {"A": "1"}, "/b/*": {"A": "2"}})
    assert (tmp_path / "_headers").read_text() == "/*\n  A: 1\n/b/*\n  ! A\n  A: 2\n"


def test_hashed_files_are_kept_and_pages_asked_again() -> None:
    rules = site_headers(paper_is_quarto=False)
    assert "immutable" in headers_for(rules, "/assets/index-abc.js")["Cache-Control"]
    for path in ("/", "/data/manifest.json", "/data/runs.parquet", "/paper/"):
        assert headers_for(rules, path)["Cache-Control"] == "no-cache"


def test_a_site_without_headers_has_no_rules(tmp_path: Path) -> None:
    assert read_headers(tmp_path / "_headers") == {}
