"""Turn a template and a context into an e-mail or an SMS.

A message template has the blocks `subject`, `preheader`, `opening`, `closing` and `sms`. Opening
and closing are plain paragraphs; the layouts put the same paragraphs into the text and the HTML
part, so the two cannot say different things, and add what every message must carry: statement,
ways to pay, whom to ask, how to stop. `_words` holds the standing phrases of a language, a block
each, which layouts and messages print with `say("phrase")`. The template `receipt` says what became
of a payment, and the template `agreement` brings an agreement's document; their layouts show that
in place of what is to be paid.

Templates are operators' input: they run in Jinja2's sandbox, an unknown name is an error, and what
is printed must be text, a whole number, an amount or a date. Data of debtors is never markup.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from types import TracebackType
from typing import Any

import msgspec
from jinja2 import DictLoader, StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateNotFound, UndefinedError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from escalon.messages.brand import brand
from escalon.messages.context import (
    AgreementContext,
    Amount,
    MessageContext,
    ReceiptContext,
    StatementLine,
    in_locale,
)
from escalon.messages.errors import MessageError
from escalon.messages.locales import Reader
from escalon.messages.plain import NBSP, lines_of, one_line, paragraphs, tidy, wrap
from escalon.messages.sms import count_segments, to_gsm7
from escalon.messages.written import Email, Sms

EMAIL_BLOCKS = ("subject", "preheader", "opening", "closing")
SMS_BLOCK = "sms"
RECEIPT = "receipt"
AGREEMENT = "agreement"
WORDS = "_words"

# A statement is read, not archived: beyond this many lines the rest is summed in one line.
SHOWN_LINES = 20
# A longer link leaves no room for words in two segments.
SHORT_LINK = 60

_KEPT_ENVIRONMENTS = 8
# Not in a message: chance (the same inputs give the same bytes), raw markup, debugging aids.
_REFUSED_FILTERS = ("safe", "random", "pprint", "tojson", "urlize", "xmlattr")
_REFUSED_GLOBALS = ("lipsum", "cycler", "joiner")
_TAG = r"(?:\{%(?:(?!%\})[^\n])*%\}|\{#(?:(?!#\})[^\n])*#\})"
_TAG_AFTER_PROSE = re.compile(
    rf"^(?!(?:[ \t]*{_TAG})+[ \t]*$)([^\n]*\{{[%#][^\n]*?[^-+\n])([%#]\}}[ \t]*)$", re.MULTILINE
)
_WEB = re.compile(r"https?://[^\s<>\"]+")


type AnyContext = MessageContext | ReceiptContext | AgreementContext


_LAYOUTS: dict[type[AnyContext], str] = {
    MessageContext: "_layout",
    ReceiptContext: "_receipt",
    AgreementContext: "_agreement",
}


class Table[Line](msgspec.Struct, frozen=True):
    """Lines of a statement or a receipt: those shown, the others summed, the total per currency."""

    lines: tuple[Line, ...]
    total: tuple[Amount, ...]
    rest_count: int
    rest: tuple[Amount, ...]


def render_email(sources: Mapping[str, str], template: str, context: AnyContext) -> Email:
    """Write the e-mail. `sources` are a locale's templates by name, layouts and `_words` among
    them; raises MessageError if the template is wrong or the context gives it nothing to say."""
    writer = _Writer(sources, template, context)
    parts = {name: writer.block(template, name) for name in EMAIL_BLOCKS}
    subject = one_line(parts["subject"]).replace(NBSP, " ")
    preheader = one_line(parts["preheader"]).replace(NBSP, " ")
    if not subject:
        raise MessageError("the subject is empty", template=template, locale=context.locale)
    page: dict[str, object] = {
        "subject": subject,
        "preheader": preheader,
        "opening": paragraphs(parts["opening"], _links(context)),
        "closing": paragraphs(parts["closing"], _links(context)),
    }
    layout = _LAYOUTS[type(context)]
    return Email(
        subject=subject,
        preheader=preheader,
        text=tidy(writer.whole(f"{layout}.txt", page)),
        html=writer.whole(f"{layout}.html", page),
        locale=context.locale,
    )


def render_sms(
    sources: Mapping[str, str], template: str, context: MessageContext | AgreementContext
) -> Sms:
    """Write the SMS, in the GSM alphabet where its characters allow it; raises MessageError."""
    writer = _Writer(sources, template, context)
    text = to_gsm7(one_line(writer.block(template, SMS_BLOCK)).replace(NBSP, " "))
    if not text:
        raise MessageError("the SMS is empty", template=template, locale=context.locale)
    counted = count_segments(text)
    return Sms(text, counted.segments, counted.encoding, context.locale)


def render_part(sources: Mapping[str, str], template: str, block: str, context: AnyContext) -> str:
    """One block by itself, for previews and for finding all mistakes of a template at once."""
    return _Writer(sources, template, context).block(template, block)


def message_names(sources: Mapping[str, str]) -> list[str]:
    """The messages among a locale's templates; names that begin with "_" are layouts and words."""
    return sorted(name for name in sources if not name.startswith("_"))


# ------------------------------------------------------------------------- what templates see


def _variables(context: AnyContext) -> dict[str, Any]:
    creditor = context.creditor
    match context:
        case MessageContext():
            own = _of_message(context)
        case ReceiptContext():
            own = _of_receipt(context)
        case AgreementContext():
            own = _of_agreement(context)
    return {
        "locale": context.locale,
        "debtor_name": one_line(context.debtor_name),
        "is_company": context.debtor_kind == "company",
        "creditor": creditor,
        "brand": brand(creditor.brand_colour),
        "today": context.today,
        "complaints": lines_of(in_locale(creditor.complaints, context.locale)),
        "notices": context.notices,
        **own,
    }


def _of_message(context: MessageContext) -> dict[str, Any]:
    overdue = _by_age(context.overdue)
    upcoming = _by_age(context.upcoming)
    totals = context.totals
    currencies = {total.currency for total in totals} | {line.currency for line in context.beyond}
    return {
        "_reader": Reader(context.locale, codes=len(currencies) > 1),
        "role": context.role,
        "step": context.step,
        "stage": context.stage,
        "respond_by": context.respond_by,
        "overdue": overdue,
        "upcoming": upcoming,
        "overdue_count": len(overdue),
        "upcoming_count": len(upcoming),
        "overdue_total": tuple(total.overdue for total in totals if total.overdue_minor),
        "upcoming_total": tuple(total.upcoming for total in totals if total.upcoming_minor),
        "oldest": overdue[0] if overdue else None,
        "next_due": next((line for line in upcoming if line.due_on), None),
        "overdue_table": _table(overdue, [line.open for line in overdue]),
        "upcoming_table": _table(upcoming, [line.open for line in upcoming]),
        "beyond": context.beyond,
        "instalment": context.instalment,
        "totals": totals,
        "credit": tuple(total.credit for total in totals if total.credit_minor),
        "to_pay": context.to_pay,
        "account_url": context.account_url,
        "offers_url": context.offers_url,
        "pay_url": context.pay_url,
        "short_link": _short_link(context),
        "pay_instructions": lines_of(in_locale(context.creditor.pay_instructions, context.locale)),
        "preferences_url": context.preferences_url,
        "unsubscribe_url": context.unsubscribe_url,
        "two_way": context.two_way,
        "stops_at_link": _stops_at_link(context),
    }


def _of_receipt(context: ReceiptContext) -> dict[str, Any]:
    currencies = {amount.currency for amount in (*context.open, *context.credits)}
    settled = tuple(
        msgspec.structs.replace(line, document=one_line(line.document)) for line in context.settled
    )
    credit = Amount(context.received.currency, context.credit)
    return {
        "_reader": Reader(context.locale, codes=len(currencies | {credit.currency}) > 1),
        "role": "debtor",
        "payment": one_line(context.payment),
        "paid_on": context.paid_on,
        "received": context.received,
        "details": context.details,
        "settled_count": len(settled),
        "settled_table": _table(settled, [line.amount for line in settled]),
        "credit": (credit,) if context.credit else (),
        "open": context.open,
        "credits": context.credits,
        # It may go to somebody else's address, so no link of the account is in it: whoever wants
        # no more of them writes to us.
        "preferences_url": "",
        "unsubscribe_url": "",
    }


def _of_agreement(context: AgreementContext) -> dict[str, Any]:
    payments = context.payments
    return {
        "_reader": Reader(context.locale, codes=False),
        "role": "debtor",
        "agreement": context.agreement,
        "agreed_on": context.agreed_on,
        "total": context.total,
        "payments_count": len(payments),
        "payments_table": _table(payments, [one.amount for one in payments]),
        "account_url": context.account_url,
        "preferences_url": context.account_url,
        "unsubscribe_url": context.unsubscribe_url,
        "two_way": context.two_way,
        "stops_at_link": _stops_at_link(context),
    }


def _stops_at_link(context: MessageContext | AgreementContext) -> bool:
    """Whether one link serves both, since an SMS has room for one: to look or pay, and to stop."""
    return (
        not context.two_way
        and bool(context.account_url)
        and context.unsubscribe_url.startswith(f"{context.account_url}/")
    )


def _by_age(lines: tuple[StatementLine, ...]) -> tuple[StatementLine, ...]:
    clean = (
        msgspec.structs.replace(line, document=one_line(line.document) or line.receivable_id)
        for line in lines
    )
    return tuple(
        sorted(clean, key=lambda line: (line.due_on or date.max, line.document, line.receivable_id))
    )


def _table[Line](lines: tuple[Line, ...], amounts: Sequence[Amount]) -> Table[Line]:
    # One line is never summed up as "1 more": it takes the same room to show it.
    shown = len(lines) if len(lines) <= SHOWN_LINES + 1 else SHOWN_LINES
    return Table(
        lines=lines[:shown],
        total=_sum(amounts),
        rest_count=len(lines) - shown,
        rest=_sum(amounts[shown:]),
    )


def _sum(amounts: Sequence[Amount]) -> tuple[Amount, ...]:
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, 0) + amount.minor
    return tuple(Amount(currency, sums[currency]) for currency in sorted(sums))


def _short_link(context: MessageContext) -> str:
    """Where to pay, if an SMS has room for it."""
    url = context.pay_url
    return url if url == context.account_url or len(url) <= SHORT_LINK else ""


def _links(context: AnyContext) -> tuple[str, ...]:
    """The addresses that a paragraph may lead to: ours, and none that data brings along."""
    if not isinstance(context, MessageContext):
        return ()
    return tuple(url for url in (context.account_url, context.offers_url, context.pay_url) if url)


def _refuse(context: AnyContext, template: str) -> None:
    """A message that has nothing to say, or whose amounts cannot be true, is not written."""
    creditor = context.creditor
    reason = "" if creditor.name.strip() else "the creditor has no name"
    urls = [
        ("the creditor's website", creditor.website),
        ("the creditor's help_url", creditor.help_url),
        ("the creditor's privacy_url", creditor.privacy_url),
    ]
    if isinstance(context, ReceiptContext):
        reason = reason or _wrong_receipt(context)
    elif isinstance(context, AgreementContext):
        reason = reason or _wrong_agreement(context)
        urls += [
            ("account_url", context.account_url),
            ("unsubscribe_url", context.unsubscribe_url),
        ]
    else:
        reason = reason or _nothing_to_ask_for(context)
        urls += [
            ("pay_url", context.pay_url),
            ("account_url", context.account_url),
            ("offers_url", context.offers_url),
            ("preferences_url", context.preferences_url),
            ("unsubscribe_url", context.unsubscribe_url),
        ]
    for name, url in urls:
        if url and not _WEB.fullmatch(url):
            reason = reason or f"{name} is no web address; it begins with https://"
    if reason:
        raise MessageError(reason, template=template, locale=context.locale)


def _nothing_to_ask_for(context: MessageContext) -> str:
    """A message that asks for money goes only where there is money to ask for (L7, L15)."""
    if any(line.open_minor <= 0 for line in (*context.overdue, *context.upcoming)):
        return "a line of the statement has nothing open"
    if context.asks_for == "overdue" and not context.overdue:
        return "nothing is overdue"
    if context.asks_for == "upcoming" and not any(line.due_on for line in context.upcoming):
        return "nothing is coming due"
    if not context.to_pay:
        return "unapplied credit covers everything that this message would ask for"
    return ""


def _wrong_receipt(context: ReceiptContext) -> str:
    """A receipt says where every minor unit of the payment went (invariant 4)."""
    if context.received.minor <= 0:
        return "nothing was received"
    parts = [part.amount for line in context.settled for part in line.components]
    if any(amount.currency != context.received.currency for amount in parts):
        return "a part of the payment is of another currency"
    if context.details and sum(p.minor for p in parts) + context.credit != context.received.minor:
        return "the parts do not add up to what was received"
    if not context.details and (parts or context.credit or context.open or context.credits):
        return "it tells of a debt where it should tell of the money alone"
    return ""


def _wrong_agreement(context: AgreementContext) -> str:
    """What is agreed on is what its payments add up to."""
    if not context.payments:
        return "nothing is to be paid"
    if _sum([one.amount for one in context.payments]) != (context.total,):
        return "the payments do not add up to what was agreed"
    return ""


# --------------------------------------------------------------------------- Jinja2, fenced in


class _UnknownNameError(UndefinedError):
    def __init__(self, name: str, message: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class _Strict(StrictUndefined):
    """Says which name it was, apart from the sentence, and nothing about the values around it."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Callable[..., Exception] = UndefinedError,
    ) -> None:
        if exc is UndefinedError:
            exc = partial(_UnknownNameError, str(name))
            if hint is None:
                owner = "" if obj is missing else f" in {type(obj).__name__}"
                hint = f"is not known{owner}"
        super().__init__(hint, obj, name, exc)  # type: ignore[arg-type]  # any callable will do


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2 for messages: sandboxed, strict, escaping in HTML whatever a template wishes."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__(
            loader=DictLoader(sources),
            auto_reload=False,  # sources never change
            undefined=_Strict,
            autoescape=_is_html,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in _REFUSED_FILTERS:
            del self.filters[name]
        for name in _REFUSED_GLOBALS:
            del self.globals[name]
        self.filters.update(
            money=_money, date=_date, short_date=_short_date, plural=_plural, wrap=wrap
        )

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(_keep_line_ends(source), name, filename)
        for node in tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)):
            raise TemplateSyntaxError("escaping cannot be switched off here", node.lineno, name)
        return tree

    def join_path(self, template: str, parent: str) -> str:
        # Jinja2 takes what an unescaped template prints, or a macro of it returns, for markup.
        if _is_html(parent) and not _is_html(template):
            raise SecurityError(f"{parent} may only use other .html templates, not {template}")
        return template


def _keep_line_ends(source: str) -> str:
    """Let a tag at the end of a line of prose keep that line's end, which `trim_blocks` would
    swallow and glue two words together; a line of nothing but tags leaves no trace."""
    return _TAG_AFTER_PROSE.sub(r"\1+\2", source)


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith(".html")


def _reader(context: Context) -> Reader:
    reader: Reader = context["_reader"]
    return reader


@pass_context
def _finalize(context: Context, value: object) -> object:
    """What may be printed. A list, a struct or None in a letter is always somebody's mistake."""
    if isinstance(value, str | StrictUndefined):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, date):
        return _reader(context).long_date(value)
    return _money(context, value)


@pass_context
def _money(context: Context, value: object) -> str:
    """An amount, or amounts of several currencies, as the reader writes them."""
    if isinstance(value, Amount):
        return _reader(context).amount(value)
    if isinstance(value, tuple | list) and value and all(isinstance(v, Amount) for v in value):
        return _reader(context).amounts(value)
    if isinstance(value, StrictUndefined):
        return str(value)
    raise _NotPrintableError(type(value).__name__)


@pass_context
def _date(context: Context, value: date) -> str:
    return _reader(context).long_date(value)


@pass_context
def _short_date(context: Context, value: date) -> str:
    return _reader(context).short_date(value)


@pass_context
def _plural(context: Context, count: int, one: str, other: str) -> str:
    """`{{ n|plural("un documento", "# documentos") }}`: `#` becomes the number."""
    return (one if count == 1 else other).replace("#", _reader(context).number(count))


class _NoPhraseError(LookupError):
    pass


class _NotPrintableError(TypeError):
    pass


# Lambda keeps the rulebook in memory between invocations, and compiling is most of the cost of the
# first message. Keyed by identity: an environment's loader holds its sources, so as long as it is
# kept no other mapping can have their id.
_environments: OrderedDict[int, _Environment] = OrderedDict()


def _environment(sources: Mapping[str, str]) -> _Environment:
    known = _environments.get(id(sources))
    if known is not None:
        _environments.move_to_end(id(sources))
        return known
    environment = _environments[id(sources)] = _Environment(sources)
    if len(_environments) > _KEPT_ENVIRONMENTS:
        _environments.popitem(last=False)
    return environment


class _Writer:
    """Runs the templates of one message and says where they went wrong."""

    def __init__(self, sources: Mapping[str, str], template: str, context: AnyContext) -> None:
        _refuse(context, template)
        self._locale = context.locale
        self._sources = sources
        self._environment = _environment(sources)
        self._variables = {**_variables(context), "say": self._say}

    def block(self, template: str, name: str, more: Mapping[str, object] = {}) -> str:
        def write() -> Iterator[str]:
            loaded = self._environment.get_template(template)
            if name not in loaded.blocks:
                raise MessageError(
                    f"the block {name!r} is missing",
                    template=template,
                    locale=self._locale,
                    name=name,
                )
            yield from loaded.blocks[name](loaded.new_context({**self._variables, **more}))

        return self._run(template, write)

    def whole(self, template: str, more: Mapping[str, object]) -> str:
        def write() -> Iterator[str]:
            loaded = self._environment.get_template(template)
            yield from loaded.root_render_func(loaded.new_context({**self._variables, **more}))

        return self._run(template, write)

    def _say(self, phrase: str, **more: object) -> str:
        """A standing phrase of the language, e.g. `say("line_due", line=line)`. It is plain text:
        the HTML layout escapes it like everything else."""
        if phrase not in self._environment.get_template(WORDS).blocks:
            raise _NoPhraseError(phrase)
        return one_line(self.block(WORDS, phrase, more))

    def _run(self, template: str, write: Callable[[], Iterator[str]]) -> str:
        try:
            return "".join(write())
        except MessageError:
            raise
        except Exception as error:
            # `from None`: an exception of Python itself may quote a debtor's data.
            raise self._explained(template, error) from None

    def _explained(self, template: str, error: Exception) -> MessageError:
        found, line = _where(error.__traceback__)
        place, name = found or template, ""
        match error:
            case TemplateSyntaxError():
                place, line, reason = error.name or place, error.lineno, error.message or "wrong"
            case _UnknownNameError():
                name = self._if_written(error.name, place)
                reason = f"{name!r} {error.message}" if name else f"a name {error.message}"
            case _NoPhraseError():
                name = self._if_written(str(error), place)
                reason = (
                    f"{WORDS} has no phrase {name!r}" if name else f"{WORDS} has no such phrase"
                )
            case TemplateNotFound():
                name = self._if_written(str(error.name), place)
                reason = f"there is no template {name!r}" if name else "there is no such template"
            case SecurityError():
                reason = error.message or "not allowed in a template"
            case _NotPrintableError():
                reason = f"a {error} cannot be printed; print text, a number, an amount or a date"
            case _:
                reason = f"the template fails with {type(error).__name__}"
        return MessageError(reason, template=place, locale=self._locale, line=line, name=name)

    def _if_written(self, name: str, template: str) -> str:
        """The name if the operator wrote it there. One that was put together while rendering may
        be a debtor's data, which an error does not repeat."""
        source = self._sources.get(template, "")
        return name if name in (template, WORDS) or name in source else ""


def _where(traceback: TracebackType | None) -> tuple[str | None, int | None]:
    """The innermost template line of a failure."""
    found: tuple[str | None, int | None] = (None, None)
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = (template.name, template.get_corresponding_lineno(traceback.tb_lineno))
        traceback = traceback.tb_next
    return found


__all__ = [
    "AGREEMENT",
    "EMAIL_BLOCKS",
    "RECEIPT",
    "SMS_BLOCK",
    "WORDS",
    "Email",
    "Sms",
    "Table",
    "message_names",
    "render_email",
    "render_part",
    "render_sms",
]
