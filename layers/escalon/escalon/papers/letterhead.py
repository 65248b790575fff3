"""What papers say of a creditor: its letterhead, how it is paid, whom to ask."""

from escalon.domain.rules.rulebook import Creditor
from escalon.messages.context import in_locale
from escalon.messages.plain import lines_of, one_line
from escalon.papers.paper import Letterhead, Section, Text
from escalon.papers.words import Words


def letterhead_of(creditor: Creditor) -> Letterhead:
    """Name, legal name and tax id, address, ways to reach it."""
    legal = f"{creditor.legal_name} · {creditor.tax_id}".strip(" ·")
    reached = (creditor.phone, creditor.reply_to, creditor.website.removeprefix("https://"))
    lines = (legal, one_line(creditor.address), " · ".join(way for way in reached if way))
    return Letterhead(creditor.name, tuple(line for line in lines if line), creditor.brand_colour)


def ways_to_ask(creditor: Creditor) -> str:
    """Telephone and e-mail, side by side."""
    return " · ".join(way for way in (creditor.phone, creditor.reply_to) if way)


def questions(creditor: Creditor, locale: str, say: Words) -> Section:
    """Whom to ask, and where to complain (Mexico: the creditor's own office for complaints)."""
    texts = [say("questions_text", ways=ways_to_ask(creditor))]
    if creditor.help_url:
        texts.append(say("help_page", url=creditor.help_url))
    complaints = " ".join(lines_of(in_locale(creditor.complaints, locale)))
    if complaints:
        texts.append(say("of", label=say("complaints"), text=complaints))
    return Section(say("questions"), tuple(Text(text) for text in texts))


def payment_lines(creditor: Creditor, locale: str) -> tuple[Text, ...]:
    """The creditor's own instructions for paying, if it has any in the reader's language."""
    return tuple(
        Text(line) for line in lines_of(in_locale(creditor.pay_instructions, locale)) if line
    )
