"""Every message of a rulebook as made-up debtors get it: for whoever judges the words."""

from collections.abc import Iterator
from datetime import date

import msgspec

from escalon.domain.engine import MESSAGE_CHANNELS
from escalon.domain.rulebook import Creditor, Rulebook
from escalon.messages.context import MessageContext, in_locale
from escalon.messages.errors import MessageError
from escalon.messages.plain import lines_of
from escalon.messages.render import render_email, render_sms
from escalon.messages.samples import sample_contexts

# Debts that make a difference to what is seen from outside or to the length of an SMS.
SHAPES = ("one", "several", "several currencies", "a great amount")


class Written(msgspec.Struct, frozen=True):
    """One message to one made-up debtor."""

    locale: str
    template: str
    creditor: Creditor
    shape: str
    previews: dict[str, str]  # what others can read along, by place
    text: str = ""  # of an e-mail
    shown: dict[str, tuple[str, ...]] = {}  # texts each of which shows the block of that name
    segments: int = 0  # of an SMS


def all_written(rulebook: Rulebook, today: date) -> Iterator[Written]:
    """What the steps say in every language: to the first creditor's debtors of several shapes, and
    to one debtor of each other creditor. What cannot be written is left out."""
    uses = {
        (step.message, step.stage, channel)
        for strategy in rulebook.strategies
        for step in strategy.steps
        for channel in step.channels
        if channel in MESSAGE_CHANNELS
    }
    currency = next(iter(rulebook.chase.from_minor))
    for locale, sources in rulebook.messages.items():
        for template, stage, channel in sorted(uses):
            for number, creditor in enumerate(rulebook.creditors.values()):
                contexts = sample_contexts(
                    creditor, locale=locale, today=today, stage=stage, currency=currency
                )
                for shape in SHAPES[:1] if number else SHAPES:
                    try:
                        yield _written(sources, template, channel, shape, contexts[shape])
                    except MessageError:
                        continue  # the check of the templates tells it


def _written(
    sources: dict[str, str], template: str, channel: str, shape: str, context: MessageContext
) -> Written:
    creditor, locale = context.creditor, context.locale
    if channel == "sms":
        sms = render_sms(sources, template, context)
        return Written(
            locale, template, creditor, shape, {"sms_start": sms.text}, segments=sms.segments
        )
    email = render_email(sources, template, context)
    seen = {"subject": email.subject, "preheader": email.preheader, "sender": creditor.name}
    text = " ".join(email.text.split())
    return Written(locale, template, creditor, shape, seen, text, _blocks(context))


def _blocks(context: MessageContext) -> dict[str, tuple[str, ...]]:
    """What shows each block that a policy may want, as far as it can be told from a text."""
    creditor, locale = context.creditor, context.locale
    lines = (*context.overdue, *context.upcoming)
    return {
        "creditor_name": (creditor.name, creditor.legal_name),
        "creditor_address": (creditor.address,),
        "creditor_tax_id": (creditor.tax_id,),
        "collector_name": (creditor.collector_name or creditor.name,),
        "obligation": tuple(line.document for line in lines[:1]),
        "how_to_pay": (context.pay_url, *lines_of(in_locale(creditor.pay_instructions, locale))),
        "complaints_contact": (
            *lines_of(in_locale(creditor.complaints, locale)),
            creditor.reply_to,
            creditor.phone,
        ),
        "privacy_notice": (creditor.privacy_url,),
    }
