"""What a call brings along: its trace, read late if nobody records it, and metadata, once."""

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.observability import spans
from services.platform.observability.request_id import REQUEST_ID
from services.platform.rpc.incoming_context import IncomingContext, taken_up

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENTS = (
    f"00-{TRACE}-{SPAN}-00",
    f"00-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-02",
    f"01-{TRACE}-{SPAN}-00",
    f"00-{TRACE}-{SPAN}-00-more",
    f"00-{'0' * 32}-{SPAN}-00",
    f"00-{TRACE}-{'0' * 16}-00",
    f"00-{TRACE.upper()}-{SPAN}-00",
    f"00-{TRACE}-{SPAN}",
    "",
)


@pytest.mark.parametrize("state", ["", "vendor=1,other=2"])
@pytest.mark.parametrize("parent", PARENTS)
def test_the_caller_s_span_is_what_the_propagator_makes_of_its_headers(
    parent: str, state: str
) -> None:
    carrier = {"traceparent": parent, "tracestate": state}
    found = trace.get_current_span(taken_up(tuple(carrier.items()))).get_span_context()
    wanted = trace.get_current_span(TraceContextTextMapPropagator().extract(carrier))
    assert found == wanted.get_span_context()
    assert found.trace_state == wanted.get_span_context().trace_state


def test_a_span_of_no_recorded_trace_is_passed_on_as_it_came() -> None:
    context = taken_up((("traceparent", PARENTS[0]), ("x-request-id", "abc")))
    assert REQUEST_ID.get() == "abc"
    assert not spans.is_sampled(context)
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context=context)
    assert carrier["traceparent"] == PARENTS[0]


def test_a_call_that_brings_nothing_has_no_span_and_no_id() -> None:
    assert taken_up(()) is None
    assert REQUEST_ID.get() == ""


class Asked:
    """A context that counts how often it is asked for the metadata."""

    asked = 0

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        self.asked += 1
        return (("x-scope", "a"),)

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"


def test_the_metadata_is_asked_for_once() -> None:
    asked: Any = Asked()
    context = IncomingContext(asked)
    assert [context.invocation_metadata() for _ in range(3)] == [(("x-scope", "a"),)] * 3
    assert asked.asked == 1
    assert context.peer() == "ipv4:127.0.0.1:1"
