"""The channels that we serve ourselves: how a message is written for each, and who carries it."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from escalon.carriers.whatsapp import callback_data
from escalon.domain.account import ContactPoint
from escalon.domain.ports import SendResult
from escalon.domain.rules.rulebook import Creditor
from escalon.messages.errors import MessageError
from escalon.messages.mime import build_mime
from escalon.messages.render import render_email, render_sms
from escalon.messages.whatsapp import template_message
from escalon.usecases.contact.deliver import Draft, Prepared
from escalon.usecases.contact.phone_numbers import country_of
from escalon.usecases.contact.statements import statement_file

if TYPE_CHECKING:
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms
    from escalon.adapters.whatsapp import Whatsapp


class EmailCourier:
    """Raw MIME through SES."""

    channel = "email"

    def __init__(self, email: "Email") -> None:
        self._email = email

    def prepare(self, draft: Draft) -> Prepared:
        """Subject, text, HTML and what is attached as one MIME message."""
        context = draft.context
        written = render_email(draft.sources, draft.template, context)
        body = build_mime(
            written,
            creditor=context.creditor,
            to_name=context.debtor_name,
            to_address=draft.point.address,
            message_id=context.message_id,
            date=draft.now,
            unsubscribe_url=context.unsubscribe_url,
            preferences_url=context.preferences_url,
            attached=(statement_file(context),) if draft.attach == "statement" else (),
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
            own_set=creditor.own_configuration_set,
        )


class SmsCourier:
    """Text through SNS."""

    channel = "sms"

    def __init__(self, sms: "Sms") -> None:
        self._sms = sms

    def prepare(self, draft: Draft) -> Prepared:
        """The text as it can be where the number is, with the number of segments it costs. Raises
        MessageError if it takes more of them than the rulebook allows."""
        rules = draft.channels.sms
        here = rules.of(country_of(draft.point.address))
        context = replace(draft.context, two_way=here.two_way)
        written = render_sms(draft.sources, draft.template, context)
        if written.segments > rules.most_segments:
            raise MessageError(
                f"the SMS takes {written.segments} segments, and {rules.most_segments} is the most",
                template=draft.template,
                locale=context.locale,
            )
        return Prepared(
            written.text.encode(),
            "txt",
            "",
            written.segments,
            sender_id=context.creditor.sms_sender_id if here.sender_ids else "",
            most_price=here.most_price,
        )

    def send(
        self,
        prepared: Prepared,
        point: ContactPoint,
        creditor: Creditor,  # noqa: ARG002 - what it means for an SMS was prepared
        message_id: str,  # noqa: ARG002 - SNS takes no tag of ours
        account_id: str,  # noqa: ARG002
    ) -> SendResult:
        """Hand the text to SNS."""
        return self._sms.send(
            prepared.body.decode(),
            to_number=point.address,
            sender_id=prepared.sender_id,
            most_price=prepared.most_price,
        )


class WhatsappCourier:
    """Approved templates through AWS End User Messaging Social."""

    channel = "whatsapp"

    def __init__(self, whatsapp: "Whatsapp") -> None:
        self._whatsapp = whatsapp

    def prepare(self, draft: Draft) -> Prepared:
        """The template's request with our values, as JSON. Raises MessageError if the rulebook has
        no template for this message."""
        context = draft.context
        template = draft.channels.whatsapp.get(draft.template)
        if template is None:
            raise MessageError("there is no WhatsApp template for it", template=draft.template)
        body = template_message(
            template,
            context,
            to_number=draft.point.address,
            code=context.account_url.rpartition("/")[2],
            reference=callback_data(draft.account_id, context.message_id),
        )
        return Prepared(body, "json", "")

    def send(
        self,
        prepared: Prepared,
        point: ContactPoint,  # noqa: ARG002 - the request names its recipient
        creditor: Creditor,  # noqa: ARG002
        message_id: str,  # noqa: ARG002 - and carries our ids
        account_id: str,  # noqa: ARG002
    ) -> SendResult:
        """Hand the request to Meta's door at AWS."""
        return self._whatsapp.send(prepared.body)
