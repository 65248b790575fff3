"""Keep document: an agreement that is in force gives a PDF, kept with the evidence that it was
agreed to, and known again by anybody who holds it.

What was kept first is the document, whatever changes afterwards: a repetition, a retry after a
crash or another function finds it and writes nothing. Its words are those that were shown before
the debtor accepted, in the language in which they were shown, if the evidence has their hash.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from escalon.domain.account import Account
from escalon.domain.agreements.agreed import Acceptance, Agreement, State
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Rulebook
from escalon.domain.storage import AlreadyDoneError
from escalon.messages.context import format_locale, pick_locale
from escalon.papers.agreement import DebtDocument, Debtor, agreement_paper, seal_of
from escalon.papers.paper import Paper, code_of, read_code

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.table import Table

_HASH_LENGTH = 64  # SHA-256 in hexadecimal
_CODE_LENGTH = 16
_STANDS: frozenset[State] = frozenset(("accepted", "active", "fulfilled"))


class NoDocumentYetError(LookupError):
    """There is no such agreement, or none that was ever in force."""


class KeptDocument(msgspec.Struct, frozen=True):
    """What was kept of an agreement: SHA-256 of what it says and of the PDF, in hexadecimal, the
    code by which it is verified, and its place in the bucket. `as_shown`: whether the words are
    those whose hash is in the evidence; None if the evidence has none."""

    account_id: str
    agreement_id: str
    creditor: str
    content_hash: str
    file_hash: str
    code: str
    key: str
    kept_at: datetime
    as_shown: bool | None = None


class Evidence(msgspec.Struct, frozen=True):
    """What is kept beside the PDF: that the debtor agreed, to which text, and who took it where."""

    agreement: Agreement
    acceptance: Acceptance
    content_hash: str
    file_hash: str
    as_shown: bool | None
    kept_at: datetime


class Verified(msgspec.Struct, frozen=True):
    """What a stranger may know of a document: that it was issued, by whom, when it was kept, and
    whether it still stands. Nothing of whom it is about, or of how much."""

    creditor: str  # its key in the rulebook
    kept_at: datetime
    state: State | Literal["ended"]  # ended: its data is not kept any more
    stands: bool
    by: Literal["content", "file"]  # the hash by which it was found


class KeepDocument:
    """Make it, keep it, hand it out, verify it. `public_url` is the address under which the world
    reaches the API, without a slash at its end."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        rulebook: Callable[[str], Rulebook | None],
        clock: Clock,
        public_url: str,
    ) -> None:
        self._table = table
        self._documents = documents
        self._rulebook = rulebook
        self._clock = clock
        self._public_url = public_url

    def paper(self, account_id: str, agreement_id: str, locale: str = "") -> Paper:
        """What the document of an agreement says, offered or accepted, in a locale or the debtor's
        own. Its `hash` is for the evidence of the acceptance. Raises NoDocumentYetError."""
        account, agreement = self._agreement(account_id, agreement_id)
        return self._paper(account, agreement, self._rules(account_id), locale)

    def keep(self, account_id: str, agreement_id: str) -> KeptDocument:
        """Keep the document of an agreement that is or was in force; the one that is kept already
        if there is one. Raises NoDocumentYetError."""
        found = self._table.load(f"A#{account_id}", f"F#{agreement_id}")
        if found is not None:
            return msgspec.convert(found, KeptDocument)
        account, agreement = self._agreement(account_id, agreement_id)
        acceptance = agreement.accepted
        if acceptance is None or all(change.state != "active" for change in agreement.history):
            raise NoDocumentYetError(f"agreement {agreement_id} was never in force")
        key = f"agreements/{account_id}/{agreement_id}.pdf"
        content_hash, body = self._put(account, agreement, key)
        kept = KeptDocument(
            account_id,
            agreement_id,
            agreement.creditor,
            content_hash,
            hashlib.sha256(body).hexdigest(),
            code_of(content_hash),
            key,
            self._clock.now(),
            content_hash == acceptance.document_hash if acceptance.document_hash else None,
        )
        evidence = Evidence(
            agreement, acceptance, content_hash, kept.file_hash, kept.as_shown, kept.kept_at
        )
        self._documents.put(key.removesuffix(".pdf") + ".json", msgspec.json.encode(evidence))
        return self._known(kept)

    def pdf(self, account_id: str, agreement_id: str) -> bytes:
        """The document itself, kept now if nobody has yet. Raises NoDocumentYetError."""
        return self._documents.get(self.keep(account_id, agreement_id).key)

    def verify(self, written: str) -> Verified | None:
        """The document of a code, of the hash of its content or of the PDF; None if none was
        issued."""
        name = written.strip()
        if len(name) != _HASH_LENGTH:
            name = read_code(name)
            if len(name) != _CODE_LENGTH:
                return None
        found = self._table.load(f"VERIFY#{name.lower()}", "VERIFY")
        if found is None:
            return None
        kept = msgspec.convert(found, KeptDocument)
        by: Literal["content", "file"] = "file" if name.lower() == kept.file_hash else "content"
        try:
            _, agreement = self._agreement(kept.account_id, kept.agreement_id)
        except NoDocumentYetError:
            # Forgotten at the person's own wish, which only what is over can be.
            return Verified(kept.creditor, kept.kept_at, "ended", False, by)
        stands = agreement.state in _STANDS
        return Verified(kept.creditor, kept.kept_at, agreement.state, stands, by)

    def creditor_name(self, creditor: str) -> str:
        """What a creditor is called in law; empty if the rulebook has it no longer."""
        known = self._rules("").creditors.get(creditor)
        return known.legal_name if known else ""

    # ---------------------------------------------------------------- inside

    def _agreement(self, account_id: str, agreement_id: str) -> tuple[Account, Agreement]:
        stored = self._table.get(account_id)
        if stored is not None:
            for one in stored.account.agreements:
                if one.agreement_id == agreement_id:
                    return stored.account, one
            ended = self._table.load(f"A#{account_id}", f"G#{agreement_id}")
            if ended is not None:
                return stored.account, msgspec.convert(ended, Agreement)
        raise NoDocumentYetError(f"there is no agreement {agreement_id} on this account")

    def _rules(self, account_id: str) -> Rulebook:
        rulebook = self._rulebook(account_id)
        if rulebook is None:
            raise LookupError("no rulebook is in force: `escalon rules publish` puts one there")
        return rulebook

    def _paper(
        self, account: Account, agreement: Agreement, rulebook: Rulebook, locale: str
    ) -> Paper:
        wanted = locale or account.language
        chosen = pick_locale(rulebook.messages.keys(), wanted, rulebook.language)
        return agreement_paper(
            agreement,
            debtor=_debtor(account, rulebook),
            creditor=rulebook.creditors[agreement.creditor],
            documents=self._documents_of(account, agreement),
            locale=format_locale(wanted, chosen),
        )

    def _documents_of(self, account: Account, agreement: Agreement) -> dict[str, DebtDocument]:
        found = {
            one.receivable_id: DebtDocument(one.document, one.due_on)
            for one in account.receivables
            if one.receivable_id in agreement.debts
        }
        elsewhere = [(account.account_id, name) for name in agreement.debts if name not in found]
        for (_, name), known in self._table.named_receivables(elsewhere).items():
            found[name] = DebtDocument(known.receivable.document, known.receivable.due_on)
        return found

    def _put(self, account: Account, agreement: Agreement, key: str) -> tuple[str, bytes]:
        """Draw the words that were shown, if the evidence names their hash, and put them into the
        bucket; what is there already stays. The hash of the content, and the PDF."""
        from escalon.papers.pdf import draw

        rulebook = self._rules(account.account_id)
        paper = self._paper(account, agreement, rulebook, "")
        shown = agreement.accepted.document_hash if agreement.accepted else ""
        if shown and paper.hash != shown:
            others = (self._paper(account, agreement, rulebook, one) for one in rulebook.messages)
            paper = next((one for one in others if one.hash == shown), paper)
        url = f"{self._public_url}/verify/{code_of(paper.hash)}"
        body = draw(paper, seal_of(agreement, paper, url, _debtor(account, rulebook).zone))
        if self._documents.put_new(key, body, "application/pdf", {"content-hash": paper.hash}):
            return paper.hash, body
        return self._documents.metadata(key)["content-hash"], self._documents.get(key)

    def _known(self, kept: KeptDocument) -> KeptDocument:
        """Under the account, and under what it can be verified by; once."""
        put = self._table.put_document
        own = put(f"A#{kept.account_id}", f"F#{kept.agreement_id}", kept)
        names = (kept.code.lower(), kept.content_hash, kept.file_hash)
        try:
            self._table.transact(
                *(put(f"VERIFY#{name}", "VERIFY", kept) for name in names),
                self._table.versioned(own, 0),
            )
        except AlreadyDoneError:
            found = self._table.load(f"A#{kept.account_id}", f"F#{kept.agreement_id}")
            return msgspec.convert(found, KeptDocument)
        return kept


def _debtor(account: Account, rulebook: Rulebook) -> Debtor:
    zone = account.zones[0] if account.zones else rulebook.default_zone
    return Debtor(account.name, account.source_ref, account.country, zone)
