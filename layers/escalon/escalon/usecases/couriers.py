"""The channels that we serve ourselves: how a message is written for each, and who carries it."""

from datetime import datetime
from typing import TYPE_CHECKING

from escalon.domain.account import ContactPoint
from escalon.domain.ports import SendResult
from escalon.domain.rulebook import Creditor
from escalon.messages.context import MessageContext
from escalon.messages.mime import build_mime
from escalon.messages.render import render_email, render_sms
from escalon.usecases.deliver import Prepared

if TYPE_CHECKING:
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms


class EmailCourier:
    """Raw MIME through SES."""

    channel = "email"

    def __init__(self, email: "Email") -> None:
        self._email = email

    def prepare(
        self,
        sources: dict[str, str],
        template: str,
        context: MessageContext,
        point: ContactPoint,
        now: datetime,
    ) -> Prepared:
        """Subject, text and HTML as one MIME message."""
        written = render_email(sources, template, context)
        body = build_mime(
            written,
            creditor=context.creditor,
            to_name=context.debtor_name,
            to_address=point.address,
            message_id=context.message_id,
            date=now,
            unsubscribe_url=context.unsubscribe_url,
            preferences_url=context.preferences_url,
        )
        return Prepared(body, "eml", written.subject)

    def send(
        self,
        prepared: Prepared,
        point: ContactPoint,
        creditor: Creditor,
        message_id: str,
        account_id: str,
    ) -> SendResult:
        """Hand the bytes to SES."""
        return self._email.send(
            prepared.body,
            to_address=point.address,
            from_address=creditor.email_from,
            message_id=message_id,
            account_id=account_id,
            creditor=creditor.creditor,
        )


class SmsCourier:
    """Text through SNS."""

    channel = "sms"

    def __init__(self, sms: "Sms") -> None:
        self._sms = sms

    def prepare(
        self,
        sources: dict[str, str],
        template: str,
        context: MessageContext,
        point: ContactPoint,  # noqa: ARG002 - an SMS does not name its recipient
        now: datetime,  # noqa: ARG002 - nor its date
    ) -> Prepared:
        """The text, with the number of segments it costs."""
        written = render_sms(sources, template, context)
        return Prepared(written.text.encode(), "txt", "", written.segments)

    def send(
        self,
        prepared: Prepared,
        point: ContactPoint,
        creditor: Creditor,
        message_id: str,  # noqa: ARG002 - SNS takes no tag of ours
        account_id: str,  # noqa: ARG002
    ) -> SendResult:
        """Hand the text to SNS."""
        return self._sms.send(
            prepared.body.decode(), to_number=point.address, sender_id=creditor.sms_sender_id
        )
