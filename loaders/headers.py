"""The headers of every file of the site, kept in `_headers`: hosts read it and so does our own server."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from lake.files import write_whole

# Digests that let exactly one text through: the style element that Plot puts into each figure, and the
# attribute style="::1" by which Inputs marks a place in its templates.
_PLOT_STYLE = "'sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww='"
_INPUTS_MARK = "'unsafe-hashes' 'sha256-7/jnylBmJ/4V3aXg5RL8qtcLbVIPN8x2WX/bTy2DoaM='"

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FRESH = "no-cache"  # keep it, but ask whether it is still the same
_FOR_EVER = "public, max-age=31536000, immutable"  # the name holds a digest of the content


def policy(**changed: str) -> str:
    """A Content-Security-Policy: nothing from elsewhere, nothing inline, no eval, but for what `changed` names."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "style-src": f"'self' {_PLOT_STYLE}",
        "style-src-attr": _INPUTS_MARK,
        "img-src": "'self' data:",
        "font-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


STRICT = policy()
# The engine compiles WebAssembly, in a worker that reads the unzipped engine from a blob.
ENGINE = policy(script_src="'self' 'wasm-unsafe-eval'", worker_src="'self'", connect_src="'self' blob:")
# Quarto's own pages carry inline scripts and compile their cells in the page.
QUARTO = policy(
    script_src="'self' 'unsafe-inline' 'unsafe-eval'",
    style_src="'self' 'unsafe-inline'",
    style_src_attr="'unsafe-inline'",
)


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
