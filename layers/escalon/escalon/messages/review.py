"""Try a rulebook's messages before they are published: every step's words in every language, on
contexts of all shapes, so that no debtor is the first to read a mistake (invariant 10)."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from escalon.domain.contact.content import folded
from escalon.messages.context import ReceiptContext
from escalon.messages.errors import MessageError
from escalon.messages.render import (
    AGREEMENT,
    EMAIL_BLOCKS,
    RECEIPT,
    SMS_BLOCK,
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
from escalon.messages.words import Problem, check_sender, check_words
from escalon.messages.written import Email, Sms

if TYPE_CHECKING:
    from escalon.domain.rules.rulebook import Creditor, Step

MOST_SEGMENTS = 2
# The statutory notices that announce what a bureau is to be told. A message may name one where
# every step that says it gives such a notice.
_OF_BUREAUS = frozenset(("bureau_notice", "receipted_demand"))


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something an operator has to mend: the template and its line where that is known."""

    locale: str
    template: str
    line: int
    message: str
    remedy: str


def review_messages(
    sources: Mapping[str, str],
    locale: str,
    *,
    steps: Iterable["Step"],
    creditors: Iterable["Creditor"],
    today: date,
    currency: str = "COP",
    reminders: Iterable["Step"] = (),
) -> list[Finding]:
    """Every finding in the messages that the steps use in this locale, each once and in order.

    Each message is written for the stages and channels that its steps give it, those of `reminders`
    about an instalment, and the receipt of a payment and the message with an agreement's document
    wherever there is one. A message that a step names and nobody wrote is not reported here but
    where the step stands."""
    creditors, steps, reminders = list(creditors), list(steps), list(reminders)
    elsewhere = {
        step.message for step in (*steps, *reminders) if not _OF_BUREAUS.intersection(step.gives)
    }
    notices = {step.message for step in steps} - elsewhere
    found: set[Finding] = set()
    for creditor in creditors:
        for problem in check_sender(creditor.name, locale):
            found.add(
                Finding(
                    locale,
                    "",
                    0,
                    f"the name of {creditor.creditor} has {problem.reason}: {problem.found}",
                    "a sender's name is read on locked screens; choose one without it",
                )
            )
    uses = {
        (step.message, step.stage, channel, samples)
        for all_of, samples in ((steps, sample_contexts), (reminders, sample_instalments))
        for step in all_of
        for channel in step.channels
        if step.message in sources
    }
    for template, stage, channel, samples in sorted(uses, key=lambda use: use[:3]):
        if channel not in ("email", "sms"):
            continue
        for number, creditor in enumerate(creditors):
            contexts = samples(creditor, locale=locale, today=today, stage=stage, currency=currency)
            for shape, context in contexts.items():
                # The shapes depend on the template alone, so one creditor sees them all.
                if number and shape != "one":
                    continue
                found.update(_try(sources, template, channel, context, shape, template in notices))
    # What can be wrong with a creditor's own data is found by the messages before.
    for creditor in creditors[:1]:
        if RECEIPT in sources:
            receipts = sample_receipts(creditor, locale=locale, today=today, currency=currency)
            for shape, receipt in receipts.items():
                found.update(_try(sources, RECEIPT, "email", receipt, shape))
        if AGREEMENT in sources:
            agreed = sample_agreements(creditor, locale=locale, today=today, currency=currency)
            for shape, agreement in agreed.items():
                for channel in ("email", "sms"):
                    found.update(_try(sources, AGREEMENT, channel, agreement, shape))
    return sorted(found)


def _try(
    sources: Mapping[str, str],
    template: str,
    channel: str,
    context: AnyContext,
    shape: str,
    names_bureaus: bool = False,
) -> list[Finding]:
    written: Email | Sms
    try:
        if channel == "email" or isinstance(context, ReceiptContext):
            written = render_email(sources, template, context)
        else:
            written = sms = render_sms(sources, template, context)
            if shape == "one" and sms.segments > MOST_SEGMENTS:
                return [
                    Finding(
                        context.locale,
                        template,
                        _line_of_block(sources[template], SMS_BLOCK),
                        f"the SMS takes {sms.segments} segments for one receivable",
                        f"shorten it to {MOST_SEGMENTS} segments ({sms.encoding})",
                    )
                ]
    except MessageError as error:
        return _part_by_part(sources, template, channel, context, error, names_bureaus)
    return _words_of(sources, template, written, names_bureaus)


def _part_by_part(
    sources: Mapping[str, str],
    template: str,
    channel: str,
    context: AnyContext,
    first: MessageError,
    names_bureaus: bool,
) -> list[Finding]:
    """What else is wrong beside the first mistake, so that an operator sees everything at once."""
    errors = [first]
    parts = dict.fromkeys(EMAIL_BLOCKS, "")
    if channel == "email":
        for block in EMAIL_BLOCKS:
            try:
                parts[block] = render_part(sources, template, block, context)
            except MessageError as error:
                errors.append(error)
    found = [_finding(error, template, context.locale) for error in errors]
    seen = Email(
        subject=parts["subject"],
        preheader=parts["preheader"] or "-",
        text=f"{parts['opening']} {parts['closing']}",
        html="",
        locale=context.locale,
    )
    return found + _words_of(sources, template, seen, names_bureaus)


def _finding(error: MessageError, template: str, locale: str) -> Finding:
    remedy = "correct the template"
    if error.name in (*EMAIL_BLOCKS, SMS_BLOCK):
        remedy = f"write {{% block {error.name} %}} … {{% endblock %}}"
    return Finding(locale, error.template or template, error.line or 0, error.reason, remedy)


def _words_of(
    sources: Mapping[str, str], template: str, written: Email | Sms, names_bureaus: bool
) -> list[Finding]:
    return [
        Finding(
            written.locale,
            template,
            _line_of(sources[template], problem),
            f"the {_PLACES[problem.where]} has {problem.found!r}: {problem.reason}",
            "say it in other words",
        )
        for problem in check_words(written, written.locale, names_bureaus=names_bureaus)
    ]


_PLACES = {
    "subject": "subject",
    "preheader": "preheader",
    "sender": "sender's name",
    "sms_start": "beginning of the SMS",
    "body": "text",
}
_BLOCKS = {"subject": "subject", "preheader": "preheader", "sms_start": SMS_BLOCK}


def _line_of(source: str, problem: Problem) -> int:
    block = _BLOCKS.get(problem.where)
    if block:
        return _line_of_block(source, block)
    # A phrase may run over two lines of the template; its longest word stands on one of them.
    longest = max(problem.found.split(), key=len)
    lines = enumerate(folded(source).splitlines(), 1)
    return next((n for n, text in lines if longest in text), 0)


def _line_of_block(source: str, block: str) -> int:
    lines = enumerate(source.splitlines(), 1)
    return next((n for n, text in lines if f"block {block} " in text), 0)
