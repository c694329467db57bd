"""The headers of every file of the site, kept in `_headers`: hosts read it and so does our own server."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from lake.files import write_whole

# Plot puts one style element into each figure; its digest lets exactly that text through.
PLOT_STYLE = "'sha256-D/g1iK5hd7DoRo4ENgbHD7OqdB3s1ETBWkq46EM0XSg='"

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FRESH = "no-cache"  # keep it, but ask whether it is still the same
_FOR_EVER = "public, max-age=31536000, immutable"  # the name holds a digest of the content


def policy(*, script: str = "'self'", worker: str = "'none'", connect: str = "'self'", style: str = "'self'") -> str:
    """A Content-Security-Policy: nothing from elsewhere, no inline script, no eval unless `script` says so."""
    return "; ".join([
        "default-src 'none'", f"script-src {script}", f"worker-src {worker}", f"connect-src {connect}",
        f"style-src {style} {PLOT_STYLE}", "img-src 'self' data:", "font-src 'self'", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'",
    ])  # fmt: skip


STRICT = policy()
# The engine compiles WebAssembly, in a worker that reads the unzipped engine from a blob.
ENGINE = policy(script="'self' 'wasm-unsafe-eval'", worker="'self'", connect="'self' blob:")
# Quarto's own pages carry inline scripts and compile their cells in the page.
QUARTO = policy(script="'self' 'unsafe-inline' 'unsafe-eval'", style="'self' 'unsafe-inline'").replace(PLOT_STYLE, "")


def site_headers(paper_is_quarto: bool) -> Mapping[str, Mapping[str, str]]:
    """Headers by path pattern; later patterns replace what earlier ones set."""
    rules = {
        "/*": {**_COMMON, "Cache-Control": _FRESH, "Content-Security-Policy": STRICT},
        "/assets/*": {"Cache-Control": _FOR_EVER},
        "/dashboard/sql/*": {"Content-Security-Policy": ENGINE},
        "/assets/duckdb-browser-eh.worker-*": {"Content-Security-Policy": ENGINE},
    }
    if paper_is_quarto:
        rules["/paper/*"] = {"Content-Security-Policy": QUARTO}
    return rules


def write_headers(path: Path, rules: Mapping[str, Mapping[str, str]]) -> None:
    """As Cloudflare reads it, where a header of two rules is joined unless `! Name` drops the former."""
    lines = []
    for number, (pattern, headers) in enumerate(rules.items()):
        lines.append(pattern)
        for name, value in headers.items():
            lines += [f"  ! {name}"] if number else []
            lines.append(f"  {name}: {value}")
    write_whole(path, ("\n".join(lines) + "\n").encode())


def read_headers(path: Path) -> dict[str, dict[str, str]]:
    """The rules of a `_headers` file; none where there is no such file."""
    rules: dict[str, dict[str, str]] = {}
    pattern = ""
    for line in path.read_text().splitlines() if path.exists() else ():
        if not line.startswith(" "):
            pattern = line.strip()
            rules[pattern] = {}
        elif not line.strip().startswith("!"):
            name, _, value = line.strip().partition(": ")
            rules[pattern][name] = value
    return rules


def headers_for(rules: Mapping[str, Mapping[str, str]], path: str) -> Mapping[str, str]:
    matching: Iterable[Mapping[str, str]] = (rules[pattern] for pattern in rules if fnmatchcase(path, pattern))
    return {name: value for headers in matching for name, value in headers.items()}
