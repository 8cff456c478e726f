"""Texts that take long to read for who does not bound them first, each as long as a request."""

from services.platform.rpc.request_sizes import MAX_REQUEST_BYTES

TEXT_BYTES = MAX_REQUEST_BYTES - 200
"""As much text as a request has room for, beside its other fields."""

FOUR_TO_ONE = "\u03b1\u0313\u0300\u0345"
"""Composes to one character, as no longer text does."""

HOSTILE = {
    "marks": "a" + "\u0301" * 20_000 + "\u0323" * 12_000,
    "marks, each of two": "a" + "\u0f73" * 21_000,
    "marks in bearable runs": ("a" + "\u0301" * 15 + "\u0323" * 15) * 1_100,
    "marks beyond U+FFFF": ("a" + "\U0001e94a" * 3) * 5_000,
    "composing": FOUR_TO_ONE * 7_000,
    "expanding": "\ufdfa" * 21_000,
    "letters": "a" * TEXT_BYTES,
    "digits": "9" * TEXT_BYTES,
    "space": " " * TEXT_BYTES,
    "ideographs": "\u4e2d" * 21_000,
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 2_500,
    "labels": "a." * 32_000,
    "labels with protocol": "http://" + "a." * 32_000,
    "labels with dashes": "a-b." * 16_000,
    "long labels": ("a" * 63 + ".") * 1_000,
    "numbers": "1.2." * 16_000,
    "protocols": "http://" * 9_000,
    "URLs": "http://a.co/d " * 4_500,
    "URLs that end in marks": ("http://a.co/" + "!?" * 100 + " ") * 300,
    "one long URL": "http://a.co/" + "d" * 60_000,
    "one URL, all punctuation": "http://a.co/" + "!" * 60_000,
    "labels of other scripts": "http://" + "\u00e9." * 20_000,
    "base64": "AAAA" * 16_000,
    "escapes": "\\" * TEXT_BYTES,
    "percents": "%CC%81" * 10_000,
}
