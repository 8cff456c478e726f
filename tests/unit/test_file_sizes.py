"""Files are short enough to be read at once (CONTRIBUTING, "Code")."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 300
PARTS = ("services", "gateway", "tools", "bench", "tests", "web")


def test_no_file_of_code_is_too_long_to_be_read_at_once() -> None:
    files = [path for part in PARTS for path in (ROOT / part).rglob("*")]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files
        if "node_modules" not in path.parts
        and path.suffix in {".py", ".lua", ".js", ".css"}
        and (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}
