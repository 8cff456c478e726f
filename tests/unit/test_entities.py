"""What entities are beyond the table of cases: their order, and what is none of them."""

from services.platform.text.entities import (
    NO_ENTITIES,
    Cashtag,
    Entities,
    Hashtag,
    Mention,
    Url,
    find_entities,
)


def test_each_kind_is_in_the_order_of_the_text() -> None:
    assert find_entities("@b #y $C a.co @a #x $D b.co") == Entities(
        mentions=(Mention(0, 2, "b"), Mention(14, 16, "a")),
        hashtags=(Hashtag(3, 5, "y"), Hashtag(17, 19, "x")),
        cashtags=(Cashtag(6, 8, "C"), Cashtag(20, 22, "D")),
        urls=(Url(9, 13, "a.co"), Url(23, 27, "b.co")),
    )


def test_offsets_are_in_code_points() -> None:
    text = "\U0001f468\u200d\U0001f469\u200d\U0001f467 @ada \U00010437 #\U00010437\U00010437"
    found = find_entities(text)
    (mention,), (hashtag,) = found.mentions, found.hashtags
    assert text[mention.start : mention.end] == "@ada"
    assert text[hashtag.start : hashtag.end] == "#\U00010437\U00010437"


def test_what_begins_within_another_is_none() -> None:
    found = find_entities("https://a.co/@ada/#x?$AAPL @bob")
    assert found == Entities(mentions=(Mention(27, 31, "bob"),), urls=found.urls)


def test_a_list_of_somebody_is_no_mention() -> None:
    assert find_entities("@ada/friends") == NO_ENTITIES


def test_a_bare_domain_in_another_script_is_cut_to_its_latin_labels() -> None:
    text = "\u4f60\u597da.co/x"
    assert find_entities(text).urls == (Url(2, 8, "a.co/x"),)


def test_few_texts_have_any() -> None:
    for text in ("", "hello", "1. 2. 3...", "a @ b # c $ d", "50% & 3.50", "\u4f60\u597d"):
        assert find_entities(text) == NO_ENTITIES
