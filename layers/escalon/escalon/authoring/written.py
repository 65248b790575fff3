"""Every message of a rulebook as made-up debtors get it: for whoever judges the words."""

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from escalon.domain.rules.rulebook import Creditor, Rulebook
from escalon.messages.context import MessageContext, in_locale
from escalon.messages.errors import MessageError
from escalon.messages.locales import Reader
from escalon.messages.plain import lines_of
from escalon.messages.render import WORDS, render_email, render_part, render_sms
from escalon.messages.samples import sample_contexts, sample_instalments

# Debts that make a difference to what is seen from outside or to the length of an SMS.
SHAPES = ("one", "several", "several currencies", "a great amount", "interest and fees")

# Blocks that only a debt with interest and fees has anything to show of.
OF_THE_DEBT = ("amount_breakdown", "interest_and_fees")


# Of WhatsApp only the values are ours; the words are those that Meta has approved.
_OUR_WORDS = frozenset(("email", "sms"))


class Written(msgspec.Struct, frozen=True):
    """One message to one made-up debtor."""

    locale: str
    template: str
    creditor: Creditor
    shape: str
    previews: dict[str, str]  # what others can read along, by place
    stage: str = ""
    channel: str = "email"
    text: str = ""  # all of it
    leads_to_page: bool = False  # by a link, to where the debtor sees all that an SMS cannot hold
    prose: str = ""  # what its template says, without the layout
    # By block: what shows it, each of which is texts that have to stand there together.
    shown: dict[str, tuple[tuple[str, ...], ...]] = {}
    segments: int = 0  # of an SMS


def all_written(
    rulebook: Rulebook, today: date, notices: Mapping[str, tuple[str, ...]]
) -> Iterator[Written]:
    """What the steps say in every language: to the first creditor's debtors of several shapes, and
    to one debtor of each other creditor. What cannot be written is left out. `notices` are the
    laws' own words by language, all of which each message is to say."""
    ladders = [step for strategy in rulebook.strategies for step in strategy.steps]
    reminders = rulebook.agreements.reminders
    uses = {
        (step.message, step.stage, channel, samples)
        for samples, steps in ((sample_contexts, ladders), (sample_instalments, reminders))
        for step in steps
        for channel in step.channels
        if channel in _OUR_WORDS
    }
    currency = next(iter(rulebook.chase.from_minor))
    for locale, sources in rulebook.messages.items():
        for template, stage, channel, samples in sorted(uses, key=lambda use: use[:3]):
            for number, creditor in enumerate(rulebook.creditors.values()):
                contexts = samples(
                    creditor, locale=locale, today=today, stage=stage, currency=currency
                )
                for shape in SHAPES[:1] if number else SHAPES:
                    if shape not in contexts:
                        continue
                    context = msgspec.structs.replace(
                        contexts[shape], notices=notices.get(locale.partition("-")[0], ())
                    )
                    try:
                        yield _written(sources, template, channel, shape, context)
                    except MessageError:
                        continue  # the check of the templates tells it


def _written(
    sources: dict[str, str], template: str, channel: str, shape: str, context: MessageContext
) -> Written:
    creditor, locale = context.creditor, context.locale
    if channel == "sms":
        sms = render_sms(sources, template, context)
        return Written(
            locale,
            template,
            creditor,
            shape,
            {"sms_start": sms.text},
            context.stage,
            "sms",
            plainly(sms.text),
            bool(context.account_url) and context.account_url in sms.text,
            shown=_shown(context, ""),
            segments=sms.segments,
        )
    email = render_email(sources, template, context)
    seen = {"subject": email.subject, "preheader": email.preheader, "sender": creditor.name}
    prose = "\n\n".join(
        render_part(sources, template, block, context) for block in ("opening", "closing")
    )
    automatic = render_part(sources, WORDS, "automatic", context)
    return Written(
        locale,
        template,
        creditor,
        shape,
        seen,
        context.stage,
        "email",
        plainly(email.text),
        prose=prose,
        shown=_shown(context, automatic),
    )


def _shown(context: MessageContext, automatic: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {
        block: tuple(tuple(plainly(text) for text in texts) for texts in ways)
        for block, ways in _blocks(context, automatic).items()
    }


def plainly(text: str) -> str:
    """A text on one line, so that it is found however it was wrapped."""
    return " ".join(text.split())


def _blocks(context: MessageContext, automatic: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """What shows each block that a policy may want and that data of the debt or the creditor show.
    A creditor that collects in its own name is the collector."""
    creditor, locale = context.creditor, context.locale
    lines = (*context.overdue, *context.upcoming)
    by_others = bool(creditor.collector_name)
    signs = creditor.signature or creditor.name
    answers = _any(
        *lines_of(in_locale(creditor.complaints, locale)), creditor.reply_to, creditor.phone
    )
    reader = Reader(locale, codes=False)
    blocks = {
        "creditor_name": _any(creditor.name, creditor.legal_name),
        "creditor_address": _any(creditor.address),
        "creditor_tax_id": _any(creditor.tax_id),
        "collector_name": _any(creditor.collector_name or creditor.name),
        "collector_address": _any(creditor.collector_address if by_others else creditor.address),
        "collector_registration": _any(
            creditor.collector_registration if by_others else creditor.tax_id
        ),
        "responsible_person": _any(creditor.collector_responsible if by_others else signs),
        "agent_name": _any(signs),
        "obligation": _any(*(line.document for line in lines[:1])),
        "calculation_date": _any(reader.long_date(context.today), reader.short_date(context.today)),
        "due_date": _any(
            *(
                written(line.due_on)
                for line in lines[:1]
                if line.due_on
                for written in (reader.long_date, reader.short_date)
            )
        ),
        "how_to_pay": _any(
            context.pay_url, *lines_of(in_locale(creditor.pay_instructions, locale))
        ),
        "how_to_dispute": answers,
        "complaints_contact": answers,
        "change_channel_or_stop": _any(context.preferences_url, context.unsubscribe_url),
        "privacy_notice": _any(creditor.privacy_url),
        "automated_agent_notice": _any(automatic),
    }
    # A debt without interest and fees has nothing to break down.
    dear = [line for line in lines if line.interest_minor and line.fees_minor]
    if dear:
        parts = tuple(reader.amount(part) for part in (dear[0].interest, dear[0].fees))
        blocks["amount_breakdown"] = blocks["interest_and_fees"] = (parts,)
    return blocks


def _any(*texts: str) -> tuple[tuple[str, ...], ...]:
    return tuple((text,) for text in texts if text)
