"""Graphs and texts: from files, and of our own making."""

import gzip
import random
from pathlib import Path

import pytest

from services.cli.load.errors import InputError, LoadError
from services.cli.load.generating import draw_posts, generate_graph, generate_texts
from services.cli.load.handles import check_prefix, handle_of
from services.cli.load.model import FollowGraph
from services.cli.load.options import Options
from services.cli.load.reading import read_graph, read_texts
from services.platform.text.handles import validate_handle
from services.tweet.text import MAX_WEIGHTED_LENGTH, validate_text, weighted_length

EDGES = "# two friends\n10 20\n\n  20\t30\n10 20\n20 10\n"


def chance(seed: int = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same each time


@pytest.fixture(params=["plain", "gzip"])
def written(request: pytest.FixtureRequest, tmp_path: Path):
    def write(content: str) -> Path:
        path = tmp_path / "input"
        raw = content.encode()
        path.write_bytes(raw if request.param == "plain" else gzip.compress(raw))
        return path

    return write


def test_edges_go_both_ways_and_count_once(written) -> None:
    graph = read_graph(written(EDGES), directed=False)
    assert graph.following == {10: (20,), 20: (10, 30), 30: (20,)}
    assert graph.follow_count == 4
    assert graph.follower_counts() == {10: 1, 20: 2, 30: 1}


def test_directed_edges_go_one_way(written) -> None:
    graph = read_graph(written(EDGES), directed=True)
    assert graph.following == {10: (20,), 20: (30, 10), 30: ()}


@pytest.mark.parametrize("line", ["1", "1 2 3", "a b", "1 -2", "1 ²", "5 5", "1,2"])
def test_other_lines_are_refused_with_file_and_number(written, line: str) -> None:
    path = written(f"1 2\n# fine\n{line}\n")
    with pytest.raises(InputError, match=rf"{path}, line 3: .*{line}"):
        read_graph(path, directed=False)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: No such file"):
        read_texts(tmp_path / "nowhere", None)


def test_cut_gzip_is_reported_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"1 2\n" * 10_000)[:-8])
    with pytest.raises(InputError, match=r"line 10001: the gzip data is damaged"):
        read_graph(path, directed=False)


def test_texts_too_long_are_left_out_and_counted(written) -> None:
    link = "https://example.com/" + "x" * 300
    path = written(f"\ufeffone\r\n\n{'字' * 141}\n# no comment\n{link}\nlast\n")
    assert read_texts(path, None).texts == ("one", "# no comment", link, "last")
    assert read_texts(path, None).too_long == 1
    assert read_texts(path, 1).texts == ("one",)
    assert read_texts(path, 1).too_long == 0


def test_file_without_texts_is_refused(written) -> None:
    with pytest.raises(InputError, match="has no text"):
        read_texts(written("\n \n" + "x" * 281), None)


def test_made_up_graph_is_heavy_tailed_and_comes_again_from_its_seed() -> None:
    def draw(seed: int) -> FollowGraph:
        return generate_graph(2_000, 20, chance(seed))

    graph = draw(1)
    assert graph == draw(1) != draw(2)
    assert list(graph.following) == list(range(2_000))
    assert {len(set(followees)) for followees in graph.following.values()} == {20}
    assert not any(node in followees for node, followees in graph.following.items())
    counts = sorted(graph.follower_counts().values())
    # Of a graph drawn evenly the largest count would be about twice the middle one.
    assert counts[-1] > 30 * counts[1_000]


@pytest.mark.parametrize(("users", "each"), [(0, 1), (1, 0), (10, 0), (10, 5)])
def test_graph_too_dense_or_empty_is_refused(users: int, each: int) -> None:
    with pytest.raises(LoadError, match="cannot follow"):
        generate_graph(users, each, chance())


def test_made_up_texts_are_tweets_of_many_lengths() -> None:
    texts = generate_texts(2_000, chance())
    assert all(validate_text(text) == text for text in texts)
    lengths = sorted(map(weighted_length, texts))
    assert lengths[0] < 30
    assert MAX_WEIGHTED_LENGTH - 10 < lengths[-1] <= MAX_WEIGHTED_LENGTH


def test_authors_are_drawn_by_degree() -> None:
    graph = FollowGraph.of(range(101), [(node, 100) for node in range(100)])
    posts = draw_posts(graph, ("hi",) * 3_000, chance())
    by_hub = sum(post.author == 100 for post in posts)
    # Weights are 101 for the one whom all follow, and 2 for each of the hundred.
    assert 0.30 < by_hub / 3_000 < 0.37


def test_handles_are_valid_and_differ() -> None:
    handles = [handle_of("uabcde_", index) for index in (0, 35, 36, 10**6)]
    assert handles == ["uabcde_0", "uabcde_z", "uabcde_10", "uabcde_lfls"]
    assert [validate_handle(handle) for handle in handles] == handles


@pytest.mark.parametrize("prefix", ["x" * 13, "sp ace", "é"])
def test_prefix_that_makes_bad_handles_is_refused(prefix: str) -> None:
    check_prefix("x" * 12, 36**3)
    with pytest.raises(LoadError, match="at most 12"):
        check_prefix(prefix, 36**3)


@pytest.mark.parametrize("wrong", [{"edges": Path("e"), "users": 5}, {"directed": True}])
def test_options_that_contradict_each_other_are_refused(wrong: dict[str, object]) -> None:
    left_out = dict.fromkeys(
        ("edges", "users", "follows_per_user", "tweets", "limit", "prefix", "manifest", "token")
    )
    rest = {"directed": False, "seed": 0, "url": "", "concurrency": 1, "progress": False}
    rest["data_dir"] = Path()
    Options(**left_out, **rest)
    with pytest.raises(LoadError, match="--edges"):
        Options(**{**left_out, **rest, **wrong})


def test_lines_that_take_long_to_read_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "texts"
    path.write_text("\n".join(["short", "a" + "\u0301" * 100_000, "x" * 100_000]))
    texts = read_texts(path, None)
    assert (texts.texts, texts.too_long) == (("short",), 2)
    path.write_text("9" * 5_000 + " 2\n")
    with pytest.raises(InputError, match="whole numbers"):
        read_graph(path, directed=True)
