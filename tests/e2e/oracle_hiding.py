"""Moves of the oracle about whom somebody does not see: few, or more than relations list."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from services.graph.events import GraphEvents
from services.graph.spec import GRAPH_EVENTS
from tests.e2e.oracle_acting import Acting

__all__ = ["Hiding"]

people = Bundle("people")


class Hiding(Acting):
    """The rules of a machine that has `people`."""

    @rule(one=people, other=people, blocking=st.booleans())
    def block(self, one: int, other: int, *, blocking: bool) -> None:
        if one == other:
            return
        body = {"blocker_id": one, "blocked_id": other}
        answer, _ = self.client.post("/v1/block" if blocking else "/v1/unblock", body)
        assert answer.status_code == 200, answer.text
        if blocking:
            self.model.block(one, other)
        else:
            self.model.blocks.discard((one, other))
        event = GraphEvents().relations_changed([one, other])
        self.events.append((GRAPH_EVENTS, event))

    @rule(one=people, other=people, muting=st.booleans())
    def mute(self, one: int, other: int, *, muting: bool) -> None:
        if one == other:
            return
        body = {"muter_id": one, "muted_id": other}
        answer, _ = self.client.post("/v1/mute" if muting else "/v1/unmute", body)
        assert answer.status_code == 200, answer.text
        (self.model.mutes.add if muting else self.model.mutes.discard)((one, other))
        self.events.append((GRAPH_EVENTS, GraphEvents().relations_changed([one])))

    @rule(one=people, spared=people, how=st.sampled_from(["mute", "block", "be blocked"]))
    def hide_all_others(self, one: int, spared: int, how: str) -> None:
        """All but one of them: from now on it is asked by name whom they do not see."""
        for other in self.everybody:
            if other == spared:
                continue
            match how:
                case "mute":
                    self.mute(one, other, muting=True)
                case "block":
                    self.block(one, other, blocking=True)
                case _:
                    self.block(other, one, blocking=True)

    @rule(one=people, blocking=st.booleans(), muting=st.booleans())
    def hide_nobody(self, one: int, *, blocking: bool, muting: bool) -> None:
        """Or only those who are blocked, or muted."""
        for other in self.everybody:
            if not muting:
                self.mute(one, other, muting=False)
            if not blocking:
                self.block(one, other, blocking=False)
                self.block(other, one, blocking=False)
