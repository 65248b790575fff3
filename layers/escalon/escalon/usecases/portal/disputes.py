"""Disputes on the debtor's page: a receivable, what is wrong with it, and files that show it.

A file goes from the browser straight into the bucket's `quarantine/`, by a form that S3 itself
holds to one key, one type and a size; it works without scripts. Nobody opens what lies there before
it has been scanned. What turns out to be of another kind than its form said is deleted at once.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from escalon.pages import portal as pages
from escalon.pages.page import Page
from escalon.usecases.portal.account import is_in_dispute, lines_owed
from escalon.usecases.portal.acts import (
    DISPUTE_REASONS,
    LONGEST_TEXT,
    DisputeReason,
    PortalActs,
    upload_folder,
)
from escalon.usecases.portal.room import Room
from escalon.usecases.portal.session import Sessions, is_name

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents

MOST_BYTES = 5 * 1024 * 1024
_UPLOAD_LASTS = timedelta(minutes=15)

# kind: its content type, its file's ending, and how its bytes begin
_KINDS = {
    "pdf": ("application/pdf", "pdf", b"%PDF-"),
    "jpg": ("image/jpeg", "jpg", b"\xff\xd8\xff"),
    "png": ("image/png", "png", b"\x89PNG\r\n\x1a\n"),
}


class DisputePages:
    """Shows and takes them."""

    def __init__(self, acts: PortalActs, documents: "Documents", sessions: Sessions) -> None:
        self._acts = acts
        self._documents = documents
        self._sessions = sessions

    def show(self, room: Room, problems: dict[str, str] | None = None) -> Page:
        """The form."""
        lines = [line for line in lines_owed(room) if line.rests != "disputed"]
        return room.show(
            pages.Dispute(
                lines=lines,
                reasons=DISPUTE_REASONS,
                chosen_line=room.visit.typed("line") or room.visit.query.get("line", ""),
                chosen_reason=room.visit.typed("reason"),
                text=room.visit.typed("text"),
                problems=problems or {},
            ),
            status=422 if problems else 200,
        )

    def take(self, room: Room, key: str) -> Page:
        """A dispute, then the page on which a file can be added."""
        receivable_id, reason = room.visit.typed("line"), room.visit.typed("reason")
        text = room.visit.typed("text")
        problems: dict[str, str] = {}
        if receivable_id not in {line.receivable_id for line in lines_owed(room)}:
            problems["line"] = room.say("dispute_choose_which")
        if reason not in DISPUTE_REASONS:
            problems["reason"] = room.say("dispute_choose_what")
        if len(text) > LONGEST_TEXT:
            problems["text"] = room.say("too_long")
        if problems:
            return self.show(room, problems)
        did = self._acts.dispute(
            room.account.account_id,
            receivable_id,
            cast("DisputeReason", reason),
            text,
            key=key,
            rulebook=room.rulebook,
        )
        return room.go("upload", id=did.task_id, done="dispute")

    def upload(self, room: Room) -> Page | None:
        """The form for a file of the kind that the query names, or how the last file fared; None
        for a dispute that is not of this account."""
        query = room.visit.query
        uploaded = query.get("key", "")  # S3 says so when it sends the browser back
        task_id = uploaded.split("/")[2] if uploaded.count("/") == 3 else query.get("id", "")
        if not is_name(task_id[1:]):
            return None
        receivable_id = self._acts.disputed(room.account.account_id, task_id)
        if not receivable_id:
            return None
        notice, status = "", 200
        if query.get("done") == "dispute":
            notice = "dispute_done" if is_in_dispute(room, receivable_id) else "dispute_heard"
        if uploaded:
            kept = self._is_as_said(room, task_id, uploaded)
            notice, status = ("upload_done", 200) if kept else ("upload_wrong", 422)
        kind = query.get("kind", "")
        if kind not in _KINDS or uploaded:
            view = pages.Upload(task_id=task_id, kinds=tuple(_KINDS))
            return room.show(view, notice=notice, status=status)
        content_type, ending, _ = _KINDS[kind]
        public = urlsplit(room.visit.public_url)
        folder = upload_folder(room.account.account_id, task_id)
        url, fields = self._documents.upload_form(
            f"{folder}{self._sessions.fresh()}.{ending}",
            content_type,
            most_bytes=MOST_BYTES,
            then=f"{public.scheme}://{public.netloc}{room.visit.path}/upload",
            seconds=int(_UPLOAD_LASTS.total_seconds()),
        )
        bucket = urlsplit(url)
        # Browsers hold the redirect back to us against the page's policy too.
        forms = f"'self' {bucket.scheme}://{bucket.netloc}"
        others = tuple(one for one in _KINDS if one != kind)
        view = pages.Upload(
            task_id=task_id,
            kinds=others,
            form=pages.Form(url, fields),
            kind=kind,
            accept=content_type,
        )
        return room.show(view, forms=forms)

    def _is_as_said(self, room: Room, task_id: str, key: str) -> bool:
        """Whether the file that S3 names is there and is what its name says. What is not, goes."""
        folder = upload_folder(room.account.account_id, task_id)
        name, _, ending = key.removeprefix(folder).partition(".")
        kind = next((one for one in _KINDS.values() if one[1] == ending), None)
        if kind is None or not key.startswith(folder) or not is_name(name):
            return False
        begins = kind[2]
        found = self._documents.glance(key, len(begins))
        if found is None:
            return False
        size, first = found
        if size <= MOST_BYTES and first == begins:
            return True
        self._documents.discard(key)
        return False
