"""The statement of account as a paper: everything that is past due and comes due, line by line."""

from collections.abc import Iterable

from escalon.messages.context import Amount, MessageContext, StatementLine
from escalon.messages.locales import Reader
from escalon.messages.plain import one_line
from escalon.papers.letterhead import letterhead_of, payment_lines, questions
from escalon.papers.paper import Block, Column, Paper, Section, Table, Text
from escalon.papers.words import Words


def statement_paper(context: MessageContext) -> Paper:
    """The whole statement that a message carries, every line of it; `context` has its amounts from
    the ledger (invariant 4). Currencies stand apart and are never added."""
    say = Words(context.locale)
    creditor = context.creditor
    name = one_line(context.debtor_name)
    return Paper(
        kind="statement",
        locale=context.locale,
        country=creditor.country,
        letterhead=letterhead_of(creditor),
        title=say("statement_title"),
        reference=say("statement_as_of", day=reader_of(context).long_date(context.today)),
        sections=(
            *statement_sections(context),
            Section("", (Text(say("true_today")),)),
            _how_to_pay(context, say),
            questions(creditor, context.locale, say),
        ),
        addressee=(name,) if name else (),
        dated=reader_of(context).long_date(context.today),
    )


def reader_of(context: MessageContext) -> Reader:
    """How the reader writes amounts: with codes where several currencies stand side by side."""
    currencies = {line.currency for line in (*context.overdue, *context.upcoming)}
    currencies |= {line.currency for line in context.beyond}
    return Reader(context.locale, codes=len(currencies) > 1)


def statement_sections(context: MessageContext) -> tuple[Section, ...]:
    """What is past due, what comes due, and what is asked for: the sums of each currency."""
    say, reader = Words(context.locale), reader_of(context)
    sections = []
    for phrase, lines in (("overdue", context.overdue), ("upcoming", context.upcoming)):
        if lines:
            sections.append(Section(say(phrase), _lines(lines, reader, say)))
    rest = tuple(
        Text(say("beyond", count=line.count, amount=reader.amount(line.open)))
        for line in context.beyond
    )
    rows: list[tuple[str, ...]] = []
    for total in context.totals:
        overdue = context.asks_for == "overdue"
        asked = total.overdue if overdue else total.upcoming
        if asked.minor:
            rows.append((say("overdue" if overdue else "upcoming"), reader.amount(asked)))
        if total.credit_minor:
            rows.append((say("credit"), f"−{reader.amount(total.credit)}"))
    rows += [(say("to_pay"), reader.amount(amount)) for amount in context.to_pay]
    table = Table((Column(""), Column("", "right")), tuple(rows), totals=len(context.to_pay))
    sections.append(Section(say("summary"), (*rest, table)))
    return tuple(sections)


def _lines(lines: Iterable[StatementLine], reader: Reader, say: Words) -> tuple[Block, ...]:
    shown = sorted(lines, key=lambda line: (line.due_on is None, line.due_on, line.document))
    late = any(line.days_past_due > 0 for line in shown)
    bears = any(line.interest_minor for line in shown)
    costs = any(line.fees_minor for line in shown)
    columns = [Column(say("document")), Column(say("issued")), Column(say("due"))]
    columns += [Column(say("days_past_due"), "right")] if late else []
    columns += [Column(say("interest"), "right")] if bears else []
    columns += [Column(say("fee"), "right")] if costs else []
    columns.append(Column(say("amount_open"), "right"))
    rows = []
    for line in shown:
        row = [
            one_line(line.document) or line.receivable_id,
            reader.short_date(line.issued_on),
            reader.short_date(line.due_on) if line.due_on else say("no_due"),
        ]
        row += [reader.number(line.days_past_due)] if late else []
        row += [reader.amount(line.interest)] if bears else []
        row += [reader.amount(line.fees)] if costs else []
        row.append(reader.amount(line.open))
        rows.append(tuple(row))
    sums: dict[str, int] = {}
    for line in shown:
        sums[line.currency] = sums.get(line.currency, 0) + line.open_minor
    blank = ("",) * (len(columns) - 2)
    rows += [(say("total"), *blank, reader.amount(Amount(*sum_))) for sum_ in sorted(sums.items())]
    return (Table(tuple(columns), tuple(rows), totals=len(sums)),)


def _how_to_pay(context: MessageContext, say: Words) -> Section:
    texts: list[Text] = []
    if context.pay_url:
        texts.append(Text(say("pay_online", url=context.pay_url)))
    texts += payment_lines(context.creditor, context.locale)
    return Section(say("how_to_pay") if texts else "", tuple(texts))
