"""A flood of refusals leaves few entries, and none is lost without a word."""

from typing import Any

from structlog.testing import capture_logs

from services.platform.audit.tally import Tally


class Events(list[tuple[str, dict[str, Any]]]):
    def record(self, event: str, /, **facts: Any) -> None:
        self.append((event, facts))


def test_each_kind_is_one_entry_with_the_first_as_its_example() -> None:
    events = Events()
    tally = Tally(events)
    for number in range(1000):
        tally.count("sibling.denied", {"method": "a/B", "caller": "c"}, {"request_id": number})
    tally.count("sibling.denied", {"caller": "d", "method": "a/B"})
    tally.write()
    tally.write()
    assert events == [
        ("sibling.denied", {"method": "a/B", "caller": "c", "times": 1000, "request_id": 0}),
        ("sibling.denied", {"method": "a/B", "caller": "d", "times": 1}),
    ]


def test_a_flood_of_kinds_is_few_entries_that_count_them_all() -> None:
    events = Events()
    tally = Tally(events, max_kinds=3)
    for number in range(1000):
        tally.count("edge.denied", {"remote": f"10.0.{number // 250}.{number % 250}"})
    tally.write()
    assert len(events) == 4
    assert events[-1] == ("edge.denied", {"others": True, "times": 997})
    assert sum(facts["times"] for _, facts in events) == 1000


async def test_a_full_disk_is_logged_and_counting_goes_on() -> None:
    class Full:
        def record(self, _event: str, /, **_facts: Any) -> None:
            raise OSError("no room")

    tally = Tally(Full())
    tally.count("edge.denied", {"remote": "10.0.0.1"})
    with capture_logs() as logs:
        tally.try_to_write()
    assert [each["event"] for each in logs] == ["audit.unwritten"]
