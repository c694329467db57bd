"""A checkout with the real `./run` and tasks of its own, and a package index on this machine for its set-up."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
PIXI_TOML = """
[dependencies]
nodejs = ">=20"

[tasks.say]
description = "print the arguments as JSON"
cmd = "python -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"
[tasks.where]
cmd = "python -c 'import os, sys, tiny; print(os.getcwd(), os.environ[\\"COLOUR\\"], sys.prefix, tiny.NAME)'"
env = { COLOUR = "blue" }
cwd = "sub folder"
[tasks.both]
cmd = "echo first && echo second"
[tasks.one]
cmd = "echo one >> order.txt"
[tasks.two]
depends-on = ["one"]
cmd = "echo two >> order.txt"
[tasks.three]
depends-on = ["one", "two"]
cmd = "echo three >> order.txt"
[tasks.copy]
inputs = ["given.txt"]
outputs = ["made/copy.txt"]
cmd = "mkdir -p made && cp given.txt made/copy.txt && echo copied >> copies.txt"
[tasks.uses-copy]
depends-on = ["copy"]
cmd = "cat made/copy.txt"
[tasks.empty-handed]
outputs = ["never.txt"]
cmd = "true"
[tasks.fail]
cmd = "python -c 'raise SystemExit(7)'"
[tasks.after-fail]
depends-on = ["fail"]
cmd = "echo reached"
[tasks.wait]
cmd = "python -u -c 'import time, os; print(os.getpid()); time.sleep(300)'"
[tasks.after-wait]
depends-on = ["wait"]
cmd = "echo reached"
[tasks.node-modules]
cmd = "echo node-modules"
[tasks.site]
depends-on = ["node-modules"]
cmd = "echo site"
[tasks._piece]
cmd = "true"
"""


def wheel(name: str) -> bytes:
    """A package of one module, as small as an installer takes it."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": f"NAME = {name!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},{_record_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)  # ZipInfo: no time of day in it
    return packed.getvalue()


def _record_digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


class Index:
    """A package index that counts what it is asked, and can be told to let those who ask wait."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.someone_asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append(self.path)
                index.someone_asked.set()
                index.may_answer.wait(120)
                name = self.path.strip("/").split("/")[-1].split("-")[0]
                link = f'<a href="/files/{name}-1.0-py3-none-any.whl">{name}-1.0-py3-none-any.whl</a>'
                body = wheel(name) if self.path.endswith(".whl") else f"<html>{link}</html>".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/simple"

    def close(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


class Checkout:
    """A folder with `./run` in it, whose PATH holds only what a test puts into `bin`."""

    def __init__(self, root: Path, index: Index) -> None:
        self.root = root
        self.bin = root.parent / "bin"
        self.bin.mkdir(parents=True)
        (root / "sub folder").mkdir(parents=True)
        shutil.copy(REPOSITORY / "run", root / "run")
        shutil.copytree(REPOSITORY / ".run", root / ".run", ignore=shutil.ignore_patterns("__pycache__", "*_cache"))
        self.manifest()
        (root / "pyproject.toml").touch()
        self.lock("tiny", hashlib.sha256(wheel("tiny")).hexdigest())
        for tool in ("cat", "cp", "mkdir"):
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        self.env = {
            "PATH": str(self.bin),
            "HOME": str(root.parent),
            "PIP_CONFIG_FILE": os.devnull,  # this machine's pip settings stay out of it
            "PIP_INDEX_URL": index.url,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
        }

    def manifest(self, more: str = "") -> None:
        (self.root / "pixi.toml").write_text(PIXI_TOML + more)

    def pin_torch(self) -> None:
        """From here on the project has a package beside the lock, which costs each set-up another turn of pip."""
        pin = '[[tool.uv.dependency-metadata]]\nname = "torchlet"\nversion = "1.0"\n'
        (self.root / "pyproject.toml").write_text(pin)

    def lock(self, name: str, digest: str) -> None:
        (self.root / "requirements.lock").write_text(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")

    def script(self, name: str, text: str) -> None:
        """A stand-in for a program on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(self.root / "run"), *words]
        return subprocess.run(command, cwd=cwd or self.root, env=self.env, capture_output=True, text=True, timeout=120)

    @contextmanager
    def start(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """The same, not waited for; it and its children are gone in the end."""
        command = [sys.executable, str(self.root / "run"), *words]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=self.root, env=self.env, stdout=pipe, stderr=pipe, text=True, process_group=0
        ) as process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    def said(self, *words: str) -> list[str]:
        return list(json.loads(self.run("say", *words).stdout))
