"""The pages a person sees: log in and consent as one, and what went wrong."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

__all__ = ["authorize_page", "content_security_policy", "error_page"]

STYLE: Final = """
:root{color-scheme:light dark;--ink:#14171f;--soft:#5b6472;--line:#d9dee6;--card:#fff;
--field:#7d8795;--back:#f2f5f9;--accent:#1668c7;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#9aa4b2;--line:#333b47;--field:#7a8494;
--card:#1b2029;--back:#11151b;--accent:#6cb0ff;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100dvh;display:grid;place-items:center;padding:1rem;background:var(--back);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:24rem;background:var(--card);border:1px solid var(--line);
border-radius:14px;padding:2rem}
h1{font-size:1.3rem;margin:0 0 .25rem}p{margin:.25rem 0 1rem;color:var(--soft)}
p:last-child{margin-bottom:0}strong{color:var(--ink)}
ul{margin:0 0 1.25rem;padding-left:1.2rem}li{margin:.2rem 0}
label{display:block;margin:0 0 .9rem;font-weight:600;font-size:.9rem}
input{width:100%;margin-top:.3rem;padding:.65rem .75rem;font:inherit;font-size:1rem;font-weight:400;
color:inherit;background:transparent;border:1px solid var(--field);border-radius:8px}
input:focus-visible,button:focus-visible{outline:3px solid var(--accent);outline-offset:1px}
button{width:100%;padding:.7rem;font:inherit;font-weight:600;border-radius:8px;cursor:pointer;
border:1px solid var(--accent);background:var(--accent);color:var(--card)}
button:disabled{opacity:.55;cursor:progress}
button.plain{margin-top:.6rem;background:transparent;color:var(--accent);border-color:var(--line)}
.bad{color:var(--bad);font-weight:600}
@media(max-width:30rem){body{padding:.5rem}main{padding:1.25rem}}
"""

SCRIPT: Final = (files("services.identity") / "log_in.js").read_text()

_PAGE: Final = Template(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>$title</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f"<style>{STYLE}</style></head><body><main>$body</main></body></html>"
)
_SCRIPT: Final = f"<script>{SCRIPT}</script>"
_AUTHORIZE: Final = Template(
    "<h1>Log in to Aviary</h1><p><strong>$client</strong> would like to:</p><ul>$scopes</ul>"
    '<form method="post" action="/oauth/log-in">$hidden<p class="bad" role="alert"$quiet>$wrong</p>'
    '<label>Handle<input name="handle" autocomplete="username" autocapitalize="none" '
    'spellcheck="false" maxlength="32" value="$handle" required autofocus></label>'
    '<label>Password<input name="password" type="password" autocomplete="current-password" '
    'maxlength="128" required></label>'
    '<button name="decision" value="allow">Log in and allow</button>'
    '<button class="plain" name="decision" value="deny" formnovalidate>Not now</button></form>'
    "$script"
)
_ERROR: Final = Template('<h1>That did not work</h1><p class="bad">$what</p><p>$advice</p>')


def authorize_page(
    *,
    client: str,
    scopes: Iterable[str],
    hidden: Mapping[str, str],
    handle: str = "",
    wrong: str = "",
) -> str:
    """Ask for handle and password, and whether `client` may do what `scopes` say in words."""
    body = _AUTHORIZE.substitute(
        client=escape(client),
        scopes="".join(f"<li>{escape(scope)}</li>" for scope in scopes),
        hidden="".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in hidden.items()
        ),
        handle=escape(handle),
        script=_SCRIPT,
        wrong=escape(wrong),
        quiet="" if wrong else " hidden",
    )
    return _PAGE.substitute(title="Log in · Aviary", body=body)


def error_page(what: str) -> str:
    """Show what is wrong to a person who cannot be sent back, as the app is not to be trusted."""
    advice = "The app that sent you here made a mistake. Go back to it and try again."
    body = _ERROR.substitute(what=escape(what), advice=advice)
    return _PAGE.substitute(title="Error · Aviary", body=body)


def content_security_policy(form_targets: Iterable[str] = ()) -> str:
    """Let a page load nothing, run nothing but our script, and be framed by nobody.

    Browsers hold redirects after a form to `form-action` too, so it names where they may lead.
    """
    targets = " ".join(("'self'", *form_targets))
    return (
        f"default-src 'none'; style-src {_by_hash(STYLE)}; script-src {_by_hash(SCRIPT)}; "
        f"connect-src 'self'; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def _by_hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"
