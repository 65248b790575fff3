"""What a message must not say: on a locked screen, and anywhere.

A subject, the line that mail programs show beside it, a sender's name and the first 40 characters
of an SMS are read by whoever stands nearby, so they hold no word of debt and no amount (universal
prohibitions; Colombia's list of words). The whole text holds no threat, no feigned court paper, no
question why the debtor has not paid (Ley 2300 of 2023, article 7), no warning of a credit bureau
(Ley 1266 of 2008, article 12: only through its own gate), no advertising (Ley 2300, article 5).

The lists catch what they name and no more: they stand beside a person's review, not in its place.
"""

import html
import re
from typing import Literal

import msgspec

from escalon.domain.contact.content import folded
from escalon.messages.written import Email, Sms

SMS_START = 40

Where = Literal["subject", "preheader", "sender", "sms_start", "body"]


class Problem(msgspec.Struct, frozen=True):
    """One thing that must not be said: where, the words found, and why not."""

    where: Where
    found: str
    reason: str


# Patterns are matched against lower case without accents. A word ends where its pattern says:
# "mora" is forbidden, "Zamora" and "memoria" are not.
_DEBT_WORDS = {
    "es": (
        r"(a|en)?deud\w*|mora|moros\w*|morator\w*|embarg\w*|cobr(o|os|ar|amos|anza|anzas)"
        r"|cobrador\w*|demand\w*|(pre)?juridic\w*|(pre)?judicial\w*|juzgad\w*|pre-?legal\w*"
        r"|accion(es)? legal(es)?|venc(id|io|imient)\w*|impag\w*|incumpl\w*|cartera|abogad\w*"
        r"|atras(o|os|ad\w*)|datacredito|centrales? de riesgo|report(e|es|ad\w*)"
    ),
    "en": (
        r"debt\w*|indebted\w*|overdue|past[ -]due|collect(ion|ions|or|ors|ing)|delinquen\w*"
        r"|default(ed|s)?|arrears|lawsuits?|legal action|pre-?legal|attorneys?|lawyers?|courts?"
        r"|garnish\w*|seiz\w*|repossess\w*|unpaid|amounts? owed|you owe|credit bureaus?"
    ),
}

_BUREAU = "warns of a credit bureau outside its own notice"
_FORBIDDEN: dict[str, dict[str, str]] = {
    "es": {
        "asks why it was not paid": (
            r"por que (razon |motivo )?(usted )?(aun |todavia )?no (nos )?(ha |han )?pag\w+"
            r"|(motivos?|razon|razones|causas?) (por|de|del|para)\b[^.]{0,40}"
            r"\b(no pag\w+|no ha pagado|impago|atraso|retraso|incumplimiento|mora)"
            r"|(indique|cuente|explique|informe)(nos|me)? (el motivo|la razon|la causa|por que)"
        ),
        "speaks of jail or of a crime": (
            r"carcel\w*|prision|presos?|arrest\w*|delitos?|fiscalia|policia\w*|denunci\w*"
            r"|orden de captura|penalmente|estafa\w*"
        ),
        "threatens": (
            r"embarg\w*|(sera|seria|vamos a|podria ser) demandad\w*|le demandaremos|remat(e|ar)\b"
            r"|secuestro de bienes|perdera\b|atengase\w*|consecuencias|ultima oportunidad"
            r"|ultimatum|de lo contrario|so pena|sin (mas|previo) aviso|sin mas demora"
            r"|nos vere(mos) obligados|tomaremos (medidas|acciones)"
            r"|(acciones|medidas) (legales|judiciales)|proceso (judicial|ejecutivo|penal)"
            r"|via judicial|cobro (juridico|judicial|coactivo)"
        ),
        "feigns a court paper": (
            r"juzgad\w*|mandamiento de pago|notificacion judicial|citacion judicial"
            r"|providencia|auto de apremio"
        ),
        _BUREAU: (
            r"datacredito|transunion|procredito|cifin|central(es)? de (riesgo|informacion)"
            r"|reporte negativo|listas? negras?"
        ),
        "insults or shames": (
            r"moros[oa]s?|mala paga|irresponsab\w*|sinverguenza|verguenza|deshonest\w*"
            r"|haremos publico|sus (familiares|vecinos|companeros|referencias|jefes?|empleador)"
        ),
        "advertises": r"promocion\w*|oferta especial|aproveche\w*|gratis|nuevos? productos?",
    },
    "en": {
        "asks why it was not paid": (
            r"why (you )?(have|has|haven.t|did|didn.t|are|is)\b[^.?]{0,20}\b(paid|pay|paying)"
            r"|reasons? (for|why)\b[^.]{0,40}"
            r"\b(non-?payment|not paying|not paid|late payment|delay|default)"
        ),
        "speaks of jail or of a crime": r"jail\w*|prison\w*|arrest(ed)?\b|police|crim(e|inal\w*)",
        "threatens": (
            r"garnish\w*|seiz\w*|repossess\w*|lawsuits?|sue you|be sued|or else|otherwise we"
            r"|consequences|final warning|last chance|without further notice|legal action"
            r"|we will be forced|you will lose|ultimatum|court proceedings"
        ),
        "feigns a court paper": r"subpoena|summons|court order|court notice|writ",
        _BUREAU: (r"credit (bureau|score|rating|report)\w*|datacredito|transunion|blacklist\w*"),
        "insults or shames": (
            r"deadbeat|irresponsib\w*|dishonest\w*|shame\w*|your (family|neighbou?rs|employer|boss)"
        ),
        "advertises": r"special offer|promotion\w*|for free|new products?",
    },
}

# The currencies a Latin American collector writes; "ALL", "TOP" and "TRY" are words as well.
_CODES = (
    "ARS|BOB|BRL|CAD|CLF|CLP|COP|CRC|CUP|DOP|EUR|GBP|GTQ|HNL|MXN|NIO|PAB|PEN|PYG|USD|UYU|VES|CHF"
)
_AMOUNT = re.compile(
    r"[$€£¥]\s?-?\d(?:[\d.,]*\d)?"
    r"|\d\s?[€£¥]"
    rf"|\b({_CODES})\s?-?\d(?:[\d.,]*\d)?"
    rf"|\d\s?({_CODES})\b"
    r"|(?<![\d.,])\d{1,3}([.,'’]\d{3})+(?!\d)"
    r"|\d+\s?(pesos|dolares|dólares|dollars|euros|mil\b|millones|million)",
    re.IGNORECASE,
)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b({pattern})\b")


_DEBT = {language: _compiled(pattern) for language, pattern in _DEBT_WORDS.items()}
_PHRASES = {
    language: {reason: _compiled(pattern) for reason, pattern in reasons.items()}
    for language, reasons in _FORBIDDEN.items()
}

_MILD = frozenset(("pre_due", "reminder"))
_TOO_STERN = (
    (
        _MILD,
        "demands, where one still reminds",
        {
            "es": _compiled(
                r"exig(imos|e)|debe pagar|de inmediato|inmediatamente|urgente(mente)?|requerimos"
                r"|a la mayor brevedad|sin falta|incumplimiento"
            ),
            "en": _compiled(
                r"demand(s|ed)?|must pay|immediately|urgent(ly)?|at once|without fail|require you"
            ),
        },
    ),
    (
        _MILD | {"firm", "negotiation"},
        "speaks of lawyers or law suits before the pre-legal stage",
        {
            "es": _compiled(r"abogad\w*|(pre)?juridic\w*|(pre)?judicial\w*|demandar\w*|pre-?legal"),
            "en": _compiled(
                r"lawyers?|attorneys?|law ?suits?|courts?|pre-?legal|legal (steps|team)"
            ),
        },
    ),
)


def check_words(message: Email | Sms, locale: str, *, names_bureaus: bool = False) -> list[Problem]:
    """What this message says that no message may say; an empty list lets it pass. A language
    without lists is a problem of its own, since nothing was checked. A statutory notice of what a
    bureau is to be told `names_bureaus` in its text, not where others read along."""
    found = _found(message, locale)
    if not names_bureaus:
        return found
    language = locale.partition("-")[0]
    seen = (
        [message.text[:SMS_START]]
        if isinstance(message, Sms)
        else [message.subject, message.preheader]
    )
    at_sight = _in_body(seen, language) if language in _DEBT else []
    return [one for one in found if one.reason != _BUREAU or one in at_sight]


def _found(message: Email | Sms, locale: str) -> list[Problem]:
    language = locale.partition("-")[0]
    if language not in _DEBT:
        return [Problem("body", language, "there are no word lists for this language")]
    if isinstance(message, Sms):
        return [
            *_in_sight(message.text, language, "sms_start", until=SMS_START),
            *_in_body([message.text], language),
        ]
    found = [
        *_in_sight(message.subject, language, "subject"),
        *_in_sight(message.preheader, language, "preheader"),
        *_in_body(
            [message.subject, message.preheader, message.text, _seen(message.html)], language
        ),
    ]
    if not message.preheader.strip():
        found.append(Problem("preheader", "", "empty, so mail programs show the text instead"))
    return found


def check_tone(text: str, stage: str, locale: str) -> list[Problem]:
    """What a text says that is too stern for its stage: before the firm stage nothing is demanded,
    and lawyers and law suits have no place before the pre-legal one (capabilities P4, P5)."""
    language = locale.partition("-")[0]
    line = " ".join(folded(text).split())
    return [
        Problem("body", match.group(), reason)
        for stages, reason, by_language in _TOO_STERN
        if stage in stages and language in by_language
        for match in by_language[language].finditer(line)
    ]


def check_sender(name: str, locale: str) -> list[Problem]:
    """The same for the name that a message comes from."""
    language = locale.partition("-")[0]
    if language not in _DEBT:
        return [Problem("sender", language, "there are no word lists for this language")]
    return _in_sight(name, language, "sender")


def _in_sight(text: str, language: str, where: Where, *, until: int | None = None) -> list[Problem]:
    """Debt words and amounts that begin before `until`: one that is cut off is still guessed."""
    limit = len(text) if until is None else until
    problems = [
        Problem(where, match.group(), "a word of debt")
        for match in _DEBT[language].finditer(folded(text))
        if match.start() < limit
    ]
    problems += [
        Problem(where, match.group(), "an amount")
        for match in _AMOUNT.finditer(text)
        if match.start() < limit
    ]
    return problems


def _in_body(texts: list[str], language: str) -> list[Problem]:
    found: dict[Problem, None] = {}
    for text in texts:
        line = " ".join(folded(text).split())
        for reason, pattern in _PHRASES[language].items():
            for match in pattern.finditer(line):
                found[Problem("body", match.group(), reason)] = None
    return list(found)


_HIDDEN = re.compile(r"<(style|head|title)\b.*?</\1>|<!--.*?-->|<[^>]+>", re.DOTALL | re.IGNORECASE)


def _seen(markup: str) -> str:
    return html.unescape(_HIDDEN.sub(" ", markup))
