from services.platform.runtime.pace import Pace


class Time:
    def __init__(self) -> None:
        self.s = 1_000.0
        self.slept: list[float] = []

    def now_s(self) -> float:
        return self.s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.s += seconds


async def test_who_comes_after_a_rest_waits_for_nothing() -> None:
    time = Time()
    pace = Pace(0.05, now_s=time.now_s, sleep=time.sleep)
    for _ in range(3):
        await pace.wait()
        time.s += 0.05
    assert time.slept == []


async def test_under_load_it_begins_at_its_pace() -> None:
    time = Time()
    pace = Pace(0.05, now_s=time.now_s, sleep=time.sleep)
    begins = []
    for _ in range(4):
        await pace.wait()
        begins.append(round(time.s - 1_000.0, 6))
        time.s += 0.01
    assert begins == [0.0, 0.05, 0.1, 0.15]
    assert time.slept == [0.04, 0.04, 0.04]
