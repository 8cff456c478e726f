"""What is merged of members' tweets reaches down as far as nothing can be missing."""

from hypothesis import given
from hypothesis import strategies as st

from services.list.timeline import certain

AUTHORS = st.lists(st.sets(st.integers(1, 200), max_size=40), min_size=1, max_size=8)


@given(authors=AUTHORS, each=st.integers(1, 50))
def test_nothing_is_missing_above_the_last_one(authors: list[set[int]], each: int) -> None:
    # An id has one author.
    own = [ids.difference(*authors[:at]) for at, ids in enumerate(authors)]
    everything = sorted(set().union(*own), reverse=True)
    runs = [sorted(ids, reverse=True)[:each] for ids in own]
    ids = certain(runs, each)
    assert ids == everything[: len(ids)]
    if all(len(run) < each for run in runs):
        assert ids == everything
    else:
        assert len(ids) >= min(each, len(everything))
