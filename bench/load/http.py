"""An HTTP/1.1 load generator: one process, one thread, no library between it and the socket.

Run as `python -m bench.load.http`: reads a plan from stdin and writes what came of it to stdout,
both as JSON (`bench.load.plan`). It costs some 25 us of CPU for a request.

Closed loop: each connection sends its next request when the last was answered. Open loop: requests
have their times fixed before the first is sent, `1 / rate` apart, whatever the answers do; a
latency is counted from the time that its request was to start, also where it had to wait for a free
connection. So a server that stalls is not asked less, and the wait of those who would have asked
meanwhile is counted (Tene, "How NOT to measure latency": coordinated omission).

A quick refusal is no quick answer: what is not answered with 2xx counts with `GRACE_S` at least.
"""

import json
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict
from statistics import median

from bench.load.plan import Outcome, Plan, source_address

_END_OF_HEAD = b"\r\n\r\n"
_END_OF_CHUNKS = b"0\r\n\r\n"
_RECEIVED_BYTES = 262_144
_NOT_OPEN = 0
# How long answers to the last requests are waited for; the latency of what failed is this at least.
GRACE_S = 10.0
_OK = range(200, 300)


class _Connection:
    """One connection with at most one request under way."""

    __slots__ = ("began", "buffer", "kind", "socket")

    def __init__(self, host: str, port: int, number: int) -> None:
        # Callers come from many addresses, as an edge limits each.
        self.socket = socket.create_connection(
            (host, port), timeout=GRACE_S, source_address=(source_address(number), _NOT_OPEN)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.began = 0.0
        self.kind = 0

    def send(self, request: bytes, kind: int, began: float) -> None:
        self.buffer, self.kind, self.began = b"", kind, began
        self.socket.sendall(request)

    def receive(self) -> int:
        """Read what is there; give the status once the answer is whole, 0 before that."""
        received = self.socket.recv(_RECEIVED_BYTES)
        if not received:
            raise ConnectionError("the server closed a connection")
        self.buffer += received
        head_end = self.buffer.find(_END_OF_HEAD)
        if head_end < 0:
            return 0
        head = self.buffer[:head_end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            whole = len(self.buffer) >= head_end + len(_END_OF_HEAD) + length
        else:
            # No JSON has a line's end within.
            whole = b"transfer-encoding" not in head or self.buffer.endswith(_END_OF_CHUNKS)
        return int(head[9:12]) if whole else 0


class _Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [request.encode() for request in plan.requests]
        self._kinds = plan.kinds or [0] * len(self._requests)
        self._connections: dict[int, _Connection] = {}
        self._poll = select.epoll()
        for number in range(plan.connections):
            one = _Connection(plan.host, plan.port, number + plan.first_address)
            self._connections[one.socket.fileno()] = one
            self._poll.register(one.socket.fileno(), select.EPOLLIN)
        self._latencies: list[list[float]] = [[] for _ in range(max(self._kinds) + 1)]
        self._statuses: Counter[str] = Counter()
        self._refusal = ""
        self._sent = 0
        self._busy: set[_Connection] = set()
        self._late_s = [0.0]

    def run(self) -> Outcome:
        began, cpu = time.perf_counter(), time.process_time()
        end = self._closed(began) if self._plan.rate is None else self._open(began)
        for one in self._busy:
            self._failed(one.kind, "unanswered", time.perf_counter() - one.began)
        return Outcome(
            self._latencies,
            dict(self._statuses),
            self._refusal,
            end - began,
            time.process_time() - cpu,
            median(self._late_s),
            max(self._late_s),
        )

    def _closed(self, began: float) -> float:
        count = self._plan.count or sys.maxsize
        until = began + (self._plan.seconds or sys.maxsize)
        last = began
        for one in list(self._connections.values())[:count]:
            self._send(one, time.perf_counter())
        while self._busy:
            for one in self._answered(GRACE_S):
                last = time.perf_counter()
                if self._sent < count and last < until:
                    self._send(one, last)
            if time.perf_counter() > last + GRACE_S:
                break
        return last

    def _open(self, began: float) -> float:
        rate = self._plan.rate or 1.0
        count = round(rate * (self._plan.seconds or 0))
        free = deque(self._connections.values())
        end = began + count / rate
        while self._sent < count or self._busy:
            now = time.perf_counter()
            if now > end + GRACE_S:
                break
            due = began + self._sent / rate
            while free and self._sent < count and due <= now:
                self._late_s.append(now - due)
                self._send(free.popleft(), due)
                due = began + self._sent / rate
            wait = GRACE_S if self._sent == count or not free else max(0.0, due - now)
            # An epoll waits whole milliseconds; by these the next request would be late, and its
            # latency longer, for who is fast as for who is slow.
            select.select([self._poll], [], [], max(0.0, min(wait, end + GRACE_S - now)))
            free.extend(self._answered(0.0))
        # What was never sent waited too.
        now = time.perf_counter()
        for number in range(self._sent, count):
            kind = self._kinds[number % len(self._kinds)]
            self._failed(kind, "unanswered", now - began - number / rate)
        return now

    def _send(self, one: _Connection, began: float) -> None:
        place = self._sent % len(self._requests)
        self._sent += 1
        self._busy.add(one)
        one.send(self._requests[place], self._kinds[place], began)

    def _answered(self, within_s: float) -> list[_Connection]:
        """Wait for something to read; give the connections whose answers are whole now."""
        answered = []
        for file, _ in self._poll.poll(max(0.0, within_s)):
            one = self._connections[file]
            status = one.receive()
            if status:
                self._busy.remove(one)
                took_s = time.perf_counter() - one.began
                if status in _OK:
                    self._latencies[one.kind].append(took_s)
                    self._statuses[str(status)] += 1
                else:
                    self._failed(one.kind, str(status), took_s)
                    self._refusal = self._refusal or one.buffer.decode(errors="replace")
                answered.append(one)
        return answered

    def _failed(self, kind: int, status: str, after_s: float) -> None:
        self._latencies[kind].append(max(after_s, GRACE_S))
        self._statuses[status] += 1


def main() -> None:
    """Run the plan of stdin."""
    plan = Plan(**json.load(sys.stdin))
    json.dump(asdict(_Generator(plan).run()), sys.stdout)


if __name__ == "__main__":
    main()
