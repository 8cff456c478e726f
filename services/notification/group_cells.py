"""How groups and their members are said in cells."""

from typing import Any

from services.notification.model import Days, Group, Member
from services.platform.rows.json_cells import JsonCells

__all__ = ["DAYS", "MEMBERS"]


def _encode_days(days: Days) -> dict[str, Any]:
    return {
        "days": {
            str(day): [group.position, group.count, [list(each) for each in group.newest]]
            for day, group in days.days.items()
        },
        "left": list(days.left),
        "serial": days.serial,
        "revision": days.revision,
    }


def _decode_days(said: dict[str, Any]) -> Days:
    return Days(
        {int(day): _decode_group(each) for day, each in said["days"].items()},
        tuple(map(int, said["left"])),
        int(said["serial"]),
        int(said["revision"]),
    )


def _decode_group(said: list[Any]) -> Group:
    position, count, newest, *_ = said
    return Group(int(position), int(count), tuple((int(each[0]), int(each[1])) for each in newest))


def _encode_member(member: Member) -> list[Any]:
    return [int(member.standing), member.changed_ms, member.joined_ms]


def _decode_member(said: list[Any]) -> Member:
    standing, changed_ms, joined_ms, *_ = said
    return Member(bool(standing), int(changed_ms), int(joined_ms))


DAYS = JsonCells(_encode_days, _decode_days)
"""The cell of a group's days: all that a page reads of it."""
MEMBERS = JsonCells(_encode_member, _decode_member)
"""The cell of an actor, which only a change of that actor reads."""
