"""A message as a letter: its own words, and the statement that it carries."""

from collections.abc import Mapping

from escalon.messages.context import MessageContext
from escalon.messages.plain import one_line, paragraphs
from escalon.messages.render import render_part
from escalon.papers.letterhead import letterhead_of, payment_lines, questions
from escalon.papers.paper import Paper, Section, Text
from escalon.papers.statement import reader_of, statement_sections
from escalon.papers.words import Words


def letter_paper(
    sources: Mapping[str, str],
    template: str,
    context: MessageContext,
    address: tuple[str, ...] = (),
) -> Paper:
    """The blocks `subject`, `opening` and `closing` of a message around its whole statement. What a
    letter is posted to goes under the name, line by line; `sources` are a locale's templates.
    Raises MessageError if the template is wrong."""
    say = Words(context.locale)
    creditor = context.creditor
    parts = {
        name: render_part(sources, template, name, context)
        for name in ("subject", "opening", "closing")
    }
    pay = payment_lines(creditor, context.locale)
    if context.pay_url:
        pay = (Text(say("pay_online", url=context.pay_url)), *pay)
    signed = creditor.signature or creditor.name
    return Paper(
        kind="letter",
        locale=context.locale,
        country=creditor.country,
        letterhead=letterhead_of(creditor),
        title=one_line(parts["subject"]),
        reference=one_line(context.debtor_name),
        sections=(
            Section("", _texts(parts["opening"])),
            *statement_sections(context),
            *((Section(say("how_to_pay"), pay),) if pay else ()),
            Section("", _texts(parts["closing"])),
            Section("", (Text(say("letter_closing")), Text(signed, strong=True))),
            questions(creditor, context.locale, say),
        ),
        addressee=tuple(line for line in (one_line(context.debtor_name), *address) if line),
        dated=reader_of(context).long_date(context.today),
    )


def _texts(block: str) -> tuple[Text, ...]:
    """The paragraphs of a block; the items of a list stand on lines of their own."""
    return tuple(
        Text(text)
        for paragraph in paragraphs(block)
        for text in (
            [paragraph.text] if paragraph.text else [f"• {one}" for one in paragraph.items]
        )
    )
