"""Every message of a rulebook as made-up debtors get it: for whoever judges the words."""

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from escalon.domain.contact.rules import Kind
from escalon.domain.rules.rulebook import Creditor, Rulebook
from escalon.messages.context import AgreementContext, MessageContext, ReceiptContext, in_locale
from escalon.messages.errors import MessageError
from escalon.messages.locales import Reader
from escalon.messages.plain import lines_of
from escalon.messages.render import (
    AGREEMENT,
    RECEIPT,
    WORDS,
    AnyContext,
    render_email,
    render_part,
    render_sms,
)
from escalon.messages.samples import (
    sample_agreements,
    sample_contexts,
    sample_instalments,
    sample_receipts,
)

# Debts that make a difference to what is seen from outside or to the length of an SMS.
SHAPES = ("one", "several", "several currencies", "a great amount", "interest and fees")

# Blocks that only a debt with interest and fees has anything to show of.
OF_THE_DEBT = ("amount_breakdown", "interest_and_fees")


# Of WhatsApp only the values are ours; the words are those that Meta has approved.
_OUR_WORDS = frozenset(("email", "sms"))

# What the answers that have templates are to a contact policy.
ANSWER: Kind = "transaction_confirmation"


class Written(msgspec.Struct, frozen=True):
    """One message to one made-up debtor."""

    locale: str
    template: str
    creditor: Creditor
    shape: str
    previews: dict[str, str]  # what others can read along, by place
    kind: Kind = "collection"
    stage: str = ""
    channel: str = "email"
    text: str = ""  # all of it
    leads_to_page: bool = False  # by a link, to where the debtor sees all that an SMS cannot hold
    prose: str = ""  # what its template says, without the layout
    # By block: what shows it, each of which is texts that have to stand there together.
    shown: dict[str, tuple[tuple[str, ...], ...]] = {}
    segments: int = 0  # of an SMS


def all_written(
    rulebook: Rulebook, today: date, notices: Mapping[Kind, Mapping[str, tuple[str, ...]]]
) -> Iterator[Written]:
    """What the steps, receipts and agreements' documents say in every language: to the first
    creditor's debtors of several shapes, and to one debtor of each other creditor. What cannot be
    written is left out. `notices` are the laws' own words by kind of message and language, all of
    which each message of that kind is to say."""
    yield from _asking(rulebook, today, notices["collection"])
    yield from _answering(rulebook, today, notices[ANSWER])


def _asking(
    rulebook: Rulebook, today: date, notices: Mapping[str, tuple[str, ...]]
) -> Iterator[Written]:
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


def _answering(
    rulebook: Rulebook, today: date, notices: Mapping[str, tuple[str, ...]]
) -> Iterator[Written]:
    currency = next(iter(rulebook.chase.from_minor))
    for locale, sources in rulebook.messages.items():
        said = notices.get(locale.partition("-")[0], ())
        for creditor in rulebook.creditors.values():
            receipts = sample_receipts(creditor, locale=locale, today=today, currency=currency)
            agreed = sample_agreements(creditor, locale=locale, today=today, currency=currency)
            answers: tuple[tuple[str, str, AnyContext], ...] = (
                (RECEIPT, "email", msgspec.structs.replace(receipts["part"], notices=said)),
                (AGREEMENT, "email", msgspec.structs.replace(agreed["one"], notices=said)),
                (AGREEMENT, "sms", msgspec.structs.replace(agreed["one"], notices=said)),
            )
            for template, channel, context in answers:
                if template not in sources:
                    continue
                try:
                    yield _written(sources, template, channel, "one", context)
                except MessageError:
                    continue  # the check of the templates tells it


def _written(
    sources: dict[str, str], template: str, channel: str, shape: str, context: AnyContext
) -> Written:
    creditor, locale = context.creditor, context.locale
    asks = isinstance(context, MessageContext)
    kind: Kind = "collection" if asks else ANSWER
    stage = context.stage if isinstance(context, MessageContext) else ""
    if channel == "sms" and not isinstance(context, ReceiptContext):
        sms = render_sms(sources, template, context)
        return Written(
            locale,
            template,
            creditor,
            shape,
            {"sms_start": sms.text},
            kind,
            stage,
            "sms",
            plainly(sms.text),
            bool(context.account_url) and context.account_url in sms.text,
            shown=_shown(context),
            segments=sms.segments,
        )
    email = render_email(sources, template, context)
    seen = {"subject": email.subject, "preheader": email.preheader, "sender": creditor.name}
    prose = "\n\n".join(
        render_part(sources, template, block, context) for block in ("opening", "closing") if asks
    )
    automatic, by_writing = (
        render_part(sources, WORDS, phrase, context) for phrase in ("automatic", "channel_write")
    )
    return Written(
        locale,
        template,
        creditor,
        shape,
        seen,
        kind,
        stage,
        "email",
        plainly(email.text),
        prose=prose,
        shown=_shown(context, automatic, by_writing),
    )


def _shown(
    context: AnyContext, automatic: str = "", by_writing: str = ""
) -> dict[str, tuple[tuple[str, ...], ...]]:
    blocks = _of_anybody(context, automatic, by_writing)
    if isinstance(context, MessageContext):
        blocks |= _of_the_debt(context)
    return {
        block: tuple(tuple(plainly(text) for text in texts) for texts in ways)
        for block, ways in blocks.items()
    }


def plainly(text: str) -> str:
    """A text on one line, so that it is found however it was wrapped."""
    return " ".join(text.split())


def _of_anybody(
    context: AnyContext, automatic: str, by_writing: str
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """What shows each block that a policy may want and that no debt is needed for. A creditor that
    collects in its own name is the collector."""
    creditor, locale = context.creditor, context.locale
    links: tuple[str, ...] = ()
    if isinstance(context, MessageContext):
        links = (context.preferences_url, context.unsubscribe_url)
    elif isinstance(context, AgreementContext):
        links = (context.account_url, context.unsubscribe_url)
    by_others = bool(creditor.collector_name)
    signs = creditor.signature or creditor.name
    answers = _any(
        *lines_of(in_locale(creditor.complaints, locale)), creditor.reply_to, creditor.phone
    )
    reader = Reader(locale, codes=False)
    return {
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
        "calculation_date": _any(reader.long_date(context.today), reader.short_date(context.today)),
        "how_to_dispute": answers,
        "complaints_contact": answers,
        "change_channel_or_stop": _any(*links, by_writing),
        "privacy_notice": _any(creditor.privacy_url),
        "automated_agent_notice": _any(automatic),
    }


def _of_the_debt(context: MessageContext) -> dict[str, tuple[tuple[str, ...], ...]]:
    """What shows each block that data of the debt show."""
    lines = (*context.overdue, *context.upcoming)
    reader = Reader(context.locale, codes=False)
    instructions = in_locale(context.creditor.pay_instructions, context.locale)
    blocks = {
        "obligation": _any(*(line.document for line in lines[:1])),
        "due_date": _any(
            *(
                written(line.due_on)
                for line in lines[:1]
                if line.due_on
                for written in (reader.long_date, reader.short_date)
            )
        ),
        "how_to_pay": _any(context.pay_url, *lines_of(instructions)),
    }
    # A debt without interest and fees has nothing to break down.
    dear = [line for line in lines if line.interest_minor and line.fees_minor]
    if dear:
        parts = tuple(reader.amount(part) for part in (dear[0].interest, dear[0].fees))
        blocks["amount_breakdown"] = blocks["interest_and_fees"] = (parts,)
    return blocks


def _any(*texts: str) -> tuple[tuple[str, ...], ...]:
    return tuple((text,) for text in texts if text)
