"""A line between client and server on which everything happens that happens on real ones; what, is decided by a seed.

The proxy reads each request whole and then lets it through or does one of FAULTS with it.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Sequence

FAULTS = {
    "500": "answered 500, never delivered",
    "503": "answered 503, never delivered",
    "500 after": "delivered, answered 500",
    "withheld": "delivered, the answer never comes: the client's time runs out",
    "reset": "the connection breaks before delivery",
    "reset after": "delivered, the connection breaks before the answer",
    "cut": "delivered, the connection breaks in the middle of the answer",
    "slow": "delivered, the answer comes in drops",
    "duplicate": "delivered twice, the second answer is given",
    "late duplicate": "delivered and answered; delivered again a while later",
}
# (method, path) -> one of FAULTS, or None to let the request through
Decide = Callable[[str, str], str | None]
_ERROR = b"<Error><Code>%s</Code><Message>made up</Message></Error>"
_WAIT_S = 30.0  # longer than any client here


def at_random(rate: float, seed: int, kinds: Sequence[str] = tuple(FAULTS)) -> Decide:
    """Each request meets one of `kinds` with the probability `rate`."""
    dice = random.Random(seed)
    return lambda method, path: dice.choice(kinds) if dice.random() < rate else None


class FaultyLine:
    """A proxy on loopback in a thread of its own; `decide` may be changed at any time, `counts` says what was done."""

    def __init__(self, port: int, decide: Decide = lambda method, path: None) -> None:
        self.decide = decide
        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self._upstream = port
        self._dice = random.Random(0)
        self._tasks: set[asyncio.Task[None]] = set()  # asyncio itself forgets a task that nobody holds
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 16))
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._hold(task)
        try:
            while request := await _message(reader, is_answer=False):
                method, path, _ = request.split(b" ", 2)
                if not await self._one(method.decode(), path.decode(), request, reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or this line is stopped
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    def _hold(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(
        self, method: str, path: str, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Let one request meet its fate; False where the connection is done for."""
        fault = self.decide(method, path)
        self.counts[fault or "none"] += 1
        self.requests.append((method, path))
        if fault in ("500", "503", "reset"):
            return await _refuse(fault, writer)
        answer = await self._deliver(request, method)
        if fault == "duplicate":
            answer = await self._deliver(request, method)
        if fault == "late duplicate":
            later = self._loop.create_task(self._deliver_later(request, method))
            self._hold(later)
        if fault == "500 after":
            return await _refuse("500", writer)
        if fault == "withheld":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), _WAIT_S)
            return False
        if fault == "reset after":
            return await _refuse("reset", writer)
        if fault == "cut":
            writer.write(answer[: -max(1, len(answer) // 3)])
            await writer.drain()
            return await _refuse("reset", writer)
        pieces = [answer[i : i + max(1, len(answer) // 5)] for i in range(0, len(answer), max(1, len(answer) // 5))]
        for piece in pieces if fault == "slow" else [answer]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02 if fault == "slow" else 0)
        return True

    async def _deliver(self, request: bytes, method: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(request)
            return await _message(reader, is_answer=True, has_body=method != "HEAD")
        finally:
            writer.close()

    async def _deliver_later(self, request: bytes, method: str) -> None:
        await asyncio.sleep(self._dice.uniform(0.02, 0.3))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._deliver(request, method)


async def _message(reader: asyncio.StreamReader, *, is_answer: bool, has_body: bool = True) -> bytes:
    """One HTTP message, head and body; empty where the connection ended before it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial or is_answer:
            raise
        return b""
    lengths = [
        int(line.split(b":", 1)[1]) for line in head.split(b"\r\n")[1:] if line.lower().startswith(b"content-length:")
    ]
    if has_body and lengths:
        return head + await reader.readexactly(lengths[0])
    return head


async def _refuse(how: str, writer: asyncio.StreamWriter) -> bool:
    if how == "reset":
        line: socket.socket = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close then sends a reset
        writer.transport.abort()
        return False
    body = _ERROR % (b"InternalError" if how == "500" else b"SlowDown")
    writer.write(b"HTTP/1.1 %s Made Up\r\nContent-Length: %d\r\n\r\n%s" % (how.encode(), len(body), body))
    await writer.drain()
    return True
