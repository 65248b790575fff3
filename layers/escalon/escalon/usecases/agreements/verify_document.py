"""Verify document: anybody who holds a paper sees whether it was issued and still stands."""

from typing import Any

import msgspec

from escalon.pages import verification as pages
from escalon.pages.page import Page
from escalon.pages.words import language_of
from escalon.usecases.agreements.keep_document import KeepDocument


class VerifyDocument:
    """As a page, or as JSON for a program that asks for it."""

    def __init__(self, documents: KeepDocument) -> None:
        self._documents = documents

    def page(self, written: str, languages: str) -> Page:
        """`written` is the code, or the SHA-256 of the content or of the file; `languages` is what
        the browser accepts."""
        found = self._documents.verify(written)
        wanted = [part.partition(";")[0].strip() for part in languages.split(",")]
        language = language_of(*wanted)
        if found is None:
            return pages.unknown(language)
        return pages.genuine(
            language,
            self._documents.creditor_name(found.creditor),
            found.kept_at.date(),
            state=found.state,
            stands=found.stands,
            by_file=found.by == "file",
        )

    def fields(self, written: str) -> tuple[int, dict[str, Any]]:
        """An HTTP status and what JSON goes with it."""
        found = self._documents.verify(written)
        if found is None:
            return 404, {"issued": False}
        creditor = self._documents.creditor_name(found.creditor)
        told: dict[str, Any] = msgspec.to_builtins(found)
        return 200, {"issued": True, **told, "creditor": creditor}
