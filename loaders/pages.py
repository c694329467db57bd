"""The verbs `site`, `results` and `serve`; what they need is imported when one of them runs."""

import argparse

from lake.commands.given import given, given_lake, given_path
from lake.settings import REPOSITORY, lake_root

REFERENCE = REPOSITORY / "data" / "reference"
RESULTS = REPOSITORY / "docs" / "results.md"
SITE = REPOSITORY / "site"


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    site = verbs.add_parser("site", help="build the site from a snapshot; prints where it lies")
    site.add_argument(
        "--lake", type=given_lake, default=str(lake_root()), metavar="DIR", help="lake to use (KDGAT_LAKE)"
    )
    site.add_argument("--snapshot", type=given, metavar="ID|NAME", help="snapshot to show (default: the latest)")
    site.add_argument("--out", type=given_path, default=SITE, metavar="DIR", help="where the site goes (default: site)")
    site.set_defaults(verb=_site)
    results = verbs.add_parser("results", help="docs/results.md from the kept experiment; prints where it lies")
    results.add_argument(
        "--from", dest="source", type=given_path, default=REFERENCE, metavar="DIR", help="what ./run keep made"
    )
    results.add_argument(
        "--out", type=given_path, default=RESULTS, metavar="FILE", help="the page (default: docs/results.md)"
    )
    results.set_defaults(verb=_results)
    show = verbs.add_parser("serve", help="serve the site on 127.0.0.1; prints the address")
    show.add_argument("--out", type=given_path, default=SITE, metavar="DIR", help="the site (default: site)")
    show.add_argument("--port", type=int, default=8000, metavar="N", help="0 picks a free one (default: 8000)")
    show.add_argument("--no-serve", action="store_true", help="only print where the site lies; ./run serve serves it")
    show.set_defaults(verb=_serve)


def _site(options: argparse.Namespace) -> int:
    from lake.snapshot import latest_snapshot
    from lake.tags import find_snapshot
    from loaders.site import build_site

    chosen = find_snapshot(options.lake, options.snapshot) if options.snapshot else latest_snapshot(options.lake)
    build_site(options.lake, chosen, options.out.resolve())
    print(options.out / "index.html")
    return 0


def _results(options: argparse.Namespace) -> int:
    from lake.files import write_whole
    from lake.snapshot import latest_snapshot
    from loaders.results import results_page

    notes = options.source / "notes.md"
    lake = options.source / "lake"
    page = results_page(lake, latest_snapshot(lake), notes.read_text() if notes.exists() else "")
    write_whole(options.out, page.encode())
    print(options.out)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from loaders.serve import check_site, serve

    check_site(options.out)
    if options.no_serve:
        print(options.out / "index.html")
        return 0
    serve(options.out.resolve(), options.port)
    return 0
