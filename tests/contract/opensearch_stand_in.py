"""A stand-in for OpenSearch: the part of its HTTP API that the search index uses, and no more.

It is no OpenSearch. It keeps everything in memory, in one shard, and answers 400 to whatever it
does not know. Tests that use it run on a real one where `OPENSEARCH_URL` names it.
"""

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.contract.opensearch_stand_in_index import StandInIndex
from tests.contract.opensearch_stand_in_queries import RefusedError, matches, one, only
from tests.contract.opensearch_stand_in_searches import search

__all__ = ["StandIn", "opensearch_stand_in"]

Answer = tuple[int, Any]


def failed(status: int, kind: str, reason: str) -> Answer:
    cause = {"type": kind, "reason": reason}
    return status, {"error": {"root_cause": [cause], **cause}, "status": status}


@dataclass
class StandIn:
    """What it has, and how it is to behave."""

    indexes: dict[str, StandInIndex] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    login: str | None = None
    """With one, `user:password`, callers must give it."""
    fails_with: Callable[[str, str], int | None] = lambda _method, _path: None
    """Has calls fail: gives a status for a method and a path."""
    calls: list[str] = field(default_factory=list)
    url: str = ""

    def respond(self, method: str, target: str, login: str | None, body: bytes) -> Answer:
        parts = urlsplit(target)
        path = unquote(parts.path)
        wanted = base64.b64encode((self.login or "").encode()).decode()
        if self.login is not None and login != f"Basic {wanted}":
            return failed(401, "security_exception", "no permissions")
        with self.lock:
            self.calls.append(f"{method} {path}")
            staged = self.fails_with(method, path)
            try:
                if staged is not None:
                    return failed(staged, "staged_exception", "staged")
                return self._answer(method, path, dict(parse_qsl(parts.query)), body)
            except RefusedError as error:
                return failed(error.status, error.kind, error.reason)
            except (KeyError, TypeError, ValueError) as error:
                return failed(400, "parsing_exception", repr(error))

    def named(self, name: str) -> StandInIndex:
        for each in self.indexes.values():
            if name == each.name or name in each.aliases:
                return each
        raise RefusedError(f"no such index [{name}]", "index_not_found_exception", 404)

    def _answer(self, method: str, path: str, said: Mapping[str, str], body: bytes) -> Answer:
        match (method, *path.strip("/").split("/")):
            case ("HEAD", *names):
                only(said)
                answer = (200 if self._is_there(*names) else 404), {}
            case ("PUT", name):
                only(said)
                answer = self._make(name, json.loads(body))
            case ("DELETE", name):
                del self.indexes[self.named(name).name]
                answer = 200, {"acknowledged": True}
            case ("POST" | "GET", name, action) if action in self._actions:
                answer = 200, self._actions[action](name, said, body)
            case ("GET", name, "_doc", doc):
                answer = self._get(self.named(name), doc)
            case ("PUT" | "POST", name, "_doc", doc):
                answer = 200, self._put(self.named(name), doc, said, json.loads(body))
            case _:
                raise RefusedError(f"no handler for {method} {path}", "illegal_argument_exception")
        return answer

    def _is_there(self, first: str, name: str | None = None) -> bool:
        if name is None:
            return first in self.indexes
        if first != "_alias":
            raise RefusedError(f"no handler for HEAD /{first}")
        return any(name in each.aliases for each in self.indexes.values())

    def _make(self, name: str, body: Any) -> Answer:
        if name in self.indexes:
            return failed(400, "resource_already_exists_exception", f"index [{name}] exists")
        self.indexes[name] = StandInIndex(name, body)
        return 200, {"acknowledged": True, "index": name}

    @property
    def _actions(self) -> Mapping[str, Callable[[str, Mapping[str, str], bytes], Any]]:
        return {
            "_search": self._search,
            "_msearch": self._searches,
            "_count": self._count,
            "_bulk": self._bulk,
            "_delete_by_query": self._drop,
        }

    def _search(self, name: str, said: Mapping[str, str], body: bytes) -> Any:
        only(said, "allow_partial_search_results")
        return search(self.named(name), json.loads(body))

    def _searches(self, name: str, said: Mapping[str, str], body: bytes) -> Any:
        only(said)
        answers: list[Any] = []
        lines = [json.loads(line) for line in body.splitlines()]
        for header, asked in zip(lines[::2], lines[1::2], strict=True):
            only(header)
            answers.append({**search(self.named(name), asked), "status": 200})
        return {"responses": answers}

    def _count(self, name: str, said: Mapping[str, str], _body: bytes) -> Any:
        only(said)
        return {"count": len(self.named(name).found)}

    def _bulk(self, name: str, said: Mapping[str, str], body: bytes) -> Any:
        only(said, "refresh", "require_alias")
        if said.get("require_alias") == "true" and name in self.indexes:
            raise RefusedError(f"[{name}] is no alias", "index_not_found_exception", 404)
        index = self.named(name)
        lines = iter([json.loads(line) for line in body.splitlines()])
        items = [self._item(index, line, lines) for line in lines]
        if said.get("refresh") == "true":
            index.refresh()
        return {"errors": any("error" in one(each)[1] for each in items), "items": items}

    def _item(self, index: StandInIndex, line: Any, lines: Iterator[Any]) -> Any:
        action, versioned = one(line)
        doc = versioned.pop("_id")
        if action not in {"index", "delete"}:
            raise RefusedError(f"unknown action {action}")
        source = next(lines) if action == "index" else None
        there = doc in index.stored and index.stored[doc].source is not None
        try:
            index.put(doc, source, versioned)
        except RefusedError as error:
            said = {"type": error.kind, "reason": error.reason}
            return {action: {"_id": doc, "status": error.status, "error": said}}
        return {action: {"_id": doc, "status": 201 if source else 200 if there else 404}}

    def _drop(self, name: str, said: Mapping[str, str], body: bytes) -> Any:
        only(said, "refresh", "conflicts", "max_docs")
        index, asked = self.named(name), json.loads(body)
        only(asked, "query")
        docs = sorted(matches(index.corpus(), asked["query"]))[: int(said["max_docs"])]
        dropped = index.drop(docs)
        if said.get("refresh") == "true":
            index.refresh()
        return {"deleted": dropped, "version_conflicts": len(docs) - dropped, "failures": []}

    def _get(self, index: StandInIndex, doc: str) -> Answer:
        known = index.stored.get(doc)
        if known is None or known.source is None:
            return 404, {"_id": doc, "found": False}
        place = {"_seq_no": known.seq_no, "_primary_term": 1, "_version": known.version}
        return 200, {"_id": doc, "found": True, **place, "_source": known.source}

    def _put(self, index: StandInIndex, doc: str, said: Mapping[str, str], body: Any) -> Any:
        place = {each: int(said[each]) for each in ("if_seq_no", "if_primary_term") if each in said}
        done = index.put(doc, body, {**said, **place})
        return {"_id": doc, "_seq_no": done.seq_no, "_primary_term": 1, "_version": done.version}


@contextmanager
def opensearch_stand_in(tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """Serve on a free port of 127.0.0.1 until the end."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            login = self.headers.get("authorization")
            status, answer = stand_in.respond(self.command, self.path, login, body)
            text = b"" if self.command == "HEAD" else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815 - what the library looks for

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    stand_in.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
