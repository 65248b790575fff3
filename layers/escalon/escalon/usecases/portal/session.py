"""Sessions of the debtor's page: signed, short, and good for one link alone.

Nothing of a session is stored: the cookie carries it, and a keyed hash proves that we wrote it. The
same key proves that a form is one of ours (CSRF), and makes one-time codes, each for a purpose of
its own. Whoever reads the table can therefore make none of them.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie

import msgspec

# Counted from the last page, so nobody is cut off while reading (WCAG 2.2, 2.2.1).
SESSION_LASTS = timedelta(minutes=30)
COOKIE = "escalon"

_CODE_DIGITS = 6
_NONCE = re.compile(r"[0-9a-f]{32}")


class Session(msgspec.Struct, frozen=True):
    """Somebody who has shown that they know the debtor's document. `confirmed`: and that they read
    what is sent to a contact point on file."""

    code: str  # of the link
    nonce: str
    until: datetime
    language: str
    confirmed: bool = False


class Sessions:
    """Writes and reads them. `key` gives the stack's portal key; `nonce` 32 random hex digits."""

    lasts = SESSION_LASTS

    def __init__(self, key: Callable[[], bytes], nonce: Callable[[], str]) -> None:
        self._key = key
        self._nonce = nonce

    def open(self, code: str, language: str, now: datetime, *, confirmed: bool = False) -> Session:
        """A new one, by another name than any before."""
        return Session(code, self._nonce(), now + SESSION_LASTS, language, confirmed)

    def written(self, session: Session) -> str:
        """The cookie's value."""
        body = ".".join(
            (
                session.nonce,
                str(int(session.until.timestamp())),
                session.language,
                "1" if session.confirmed else "0",
            )
        )
        return f"{body}.{self._proof('session', session.code, body)}"

    def read(self, cookies: str, code: str, now: datetime) -> Session | None:
        """The session of a Cookie header for that link; None if there is none that is good."""
        value = _cookie(cookies)
        body, _, proof = value.rpartition(".")
        if not hmac.compare_digest(proof.encode(), self._proof("session", code, body).encode()):
            return None
        nonce, until, language, confirmed = body.split(".")
        ends = datetime.fromtimestamp(int(until), UTC)
        if now >= ends:
            return None
        return Session(code, nonce, ends, language, confirmed == "1")

    def token(self, session: Session) -> str:
        """What each form of the session carries, so that no other site can send one."""
        return self._proof("form", session.code, session.nonce)

    def is_own_form(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(token.encode(), self.token(session).encode())

    def fresh(self) -> str:
        """A name that nobody can guess: of a form, a one-time code, an upload."""
        return self._nonce()

    def one_time_code(self, challenge: str) -> str:
        """Six digits that only we can tell from a challenge's name."""
        digest = hmac.new(self._key(), f"code|{challenge}".encode(), hashlib.sha256).digest()
        return str(int.from_bytes(digest) % 10**_CODE_DIGITS).rjust(_CODE_DIGITS, "0")

    def same(self, typed: str, expected: str) -> bool:
        """Whether they are alike, found out in a time that tells nothing of how much of it is."""
        one, other = (self._proof("compare", "", text) for text in (typed, expected))
        return hmac.compare_digest(one, other)

    def _proof(self, purpose: str, code: str, text: str) -> str:
        signed = "|".join((purpose, code, text)).encode(errors="surrogatepass")
        return hmac.new(self._key(), signed, hashlib.sha256).hexdigest()


def is_name(text: str) -> bool:
    """Whether it has the form of a fresh name."""
    return bool(_NONCE.fullmatch(text))


def cookie_header(value: str, path: str, lasts: timedelta, *, secure: bool) -> Mapping[str, str]:
    """The header that sets the cookie for pages below `path`; a `lasts` of nothing takes it away.
    No script reads it and no other site sends it."""
    parts = [f"{COOKIE}={value}", f"Path={path}", f"Max-Age={int(lasts.total_seconds())}"]
    parts += ["HttpOnly", "SameSite=Strict", *(["Secure"] if secure else [])]
    return {"Set-Cookie": "; ".join(parts)}


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
