"""Somebody of a replayed portfolio whose page is worth a visit: they were written to, and may agree
to a plan alone."""

from urllib.parse import quote

import msgspec

from escalon.messages.render import RECEIPT
from escalon.usecases.portal.door import answers
from escalon_cli.deployed import Deployed
from escalon_cli.operator_api import ApiError, operator_api

_TRIED = 60  # of those who were written to, the latest first
_PARTS = 2  # instalments


class Example(msgspec.Struct, frozen=True):
    """A debtor to be, for a while."""

    account: str  # the source's reference: their document
    name: str
    message: str  # the carrier's id of the e-mail with the link
    answer: str  # what the identity check wants to hear


def example(deployed: Deployed) -> Example | None:
    """Whose e-mail is the latest of all that offer a plan; None if the rules offer it to nobody."""
    written = sorted(
        (
            message
            for message in deployed.table.all_documents("M#")
            if message["channel"] == "email" and message.get("kind") != RECEIPT
        ),
        key=lambda message: (message["claimed_at"], message["message_id"]),
        reverse=True,
    )
    for message in written[:_TRIED]:
        stored = deployed.table.get(message["account_id"])
        if stored is None or stored.account.agreements or not message.get("provider_message_id"):
            continue
        account = stored.account
        right = answers(account.source_ref)
        if right and _offers_a_plan(deployed, account.account_id):
            return Example(
                account.source_ref, account.name, message["provider_message_id"], right[0]
            )
    return None


def _offers_a_plan(deployed: Deployed, account_id: str) -> bool:
    try:
        found = operator_api(deployed)("GET", f"/accounts/{quote(account_id, safe='')}/offers")
    except ApiError:
        return False
    return any(
        (one["kind"], one["terms"]["instalments"]) == ("plan", _PARTS) for one in found["proposals"]
    )
