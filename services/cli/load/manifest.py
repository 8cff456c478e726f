"""The manifest: what a load made, for whoever checks it.

`{"complete": true, "users": {"<node>": "<user_id>"}, "tweets": [["<tweet_id>", "<user_id>"]]}`;
ids are strings, as everywhere in JSON, since they are longer than some readers' numbers.
"""

import json
from pathlib import Path

from services.cli.load.errors import InputError, LoadError
from services.cli.load.loader import Loaded

__all__ = ["read_manifest", "write_manifest"]


def write_manifest(path: Path, loaded: Loaded, *, complete: bool) -> None:
    """Write it; an incomplete one lacks what was under way. `LoadError` if it cannot be written."""
    document = {
        "complete": complete,
        "users": {str(node): str(user) for node, user in loaded.users.items()},
        "tweets": [[str(tweet), str(author)] for tweet, author in loaded.tweets],
    }
    try:
        path.write_text(json.dumps(document) + "\n")
    except OSError as error:
        raise LoadError(f"the manifest cannot be written: {path}: {error.strerror}") from error


def read_manifest(path: Path) -> Loaded:
    """Read what `write_manifest` wrote; raises `InputError` for anything else."""
    try:
        document = json.loads(path.read_text())
        users = {int(node): int(user) for node, user in document["users"].items()}
        tweets = [(int(tweet), int(author)) for tweet, author in document["tweets"]]
    except OSError as error:
        raise InputError(path, 0, error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(path, 0, "is no manifest of `aviary load`") from error
    return Loaded(users, tweets)
