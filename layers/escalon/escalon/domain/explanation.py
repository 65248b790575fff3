"""Explanations: the engine's reasons as sentences that a person can read, in Spanish or English."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

from escalon.domain.contact_policy import Deny
from escalon.domain.contact_policy import Reason as DenyReason
from escalon.domain.contact_policy_text import explain as policy_says
from escalon.domain.decision import Decision, Reason, Refusal
from escalon.domain.local_time import in_zone

# code -> (Spanish, English); what stands in braces is filled from the reason.
_SENTENCES: dict[str, tuple[str, str]] = {
    "account_hold": (
        "la cuenta está en pausa ({kind}) hasta {until}",
        "the account is on hold ({kind}) until {until}",
    ),
    "receivable_hold": (
        "el documento {receivable} está en pausa ({kind}) hasta {until}",
        "receivable {receivable} is on hold ({kind}) until {until}",
    ),
    "not_issued": (
        "el documento {receivable} se emite el {on}",
        "receivable {receivable} is issued on {on}",
    ),
    "missing_due_date": (
        "el documento {receivable} no tiene fecha de vencimiento",
        "receivable {receivable} has no due date",
    ),
    "too_old": (
        "el documento {receivable} tiene más de {days} días de vencido y ya no se gestiona",
        "receivable {receivable} is more than {days} days past due and is not chased any more",
    ),
    "nothing_open": ("no hay nada abierto", "nothing is open"),
    "currency_not_chased": (
        "los saldos en {currency} no se gestionan",
        "balances in {currency} are not chased",
    ),
    "covered_by_credit": (
        "el saldo a favor en {currency} cubre lo que está abierto",
        "unapplied credit in {currency} covers what is open",
    ),
    "below_threshold": (
        "el saldo en {currency} está por debajo del mínimo",
        "the balance in {currency} is below the minimum",
    ),
    "no_strategy": ("ninguna estrategia le corresponde", "no strategy applies to it"),
    "payment_awaited": (
        "hay un pago en camino a {creditor}: no se cobra nada en su nombre antes del {until}",
        "a payment to {creditor} is under way: nothing is asked for in its name before {until}",
    ),
    "payments_not_fresh": (
        "los mensajes esperan: los pagos de {feed} no están al día "
        "(última noticia: {since}; máximo {at_most_hours} horas)",
        "messages wait: the payments of {feed} are not fresh "
        "(last told: {since}; at most {at_most_hours} hours may have passed)",
    ),
    "step_not_due": (
        "el paso {step} corresponde el {on} (documento {receivable})",
        "step {step} is due on {on} (receivable {receivable})",
    ),
    "step_due": (
        "el paso {step} corresponde desde el {since}: el documento {receivable} lleva "
        "{days_past_due} días desde su vencimiento",
        "step {step} has been due since {since}: receivable {receivable} is "
        "{days_past_due} days past due",
    ),
    "channel_open": ("se puede usar el canal {channel}", "channel {channel} may be used"),
    "policy_closed": (
        "la política de contacto permite el paso {step} a partir del {until}",
        "the contact policy allows step {step} from {until} on",
    ),
    "no_lawful_channel": (
        "ningún canal permite el paso {step}: falta un dato de contacto o una autorización",
        "no channel serves step {step}: a contact point or a consent is missing",
    ),
    "waits_for_person": ("una persona tiene que resolverlo", "a person has to mend it"),
    "waits_for_delivery": (
        "el paso {step} espera a que conste la entrega de {needs}, a más tardar el {until}",
        "step {step} waits until {needs} counts as delivered, at the latest {until}",
    ),
    "delivery_unknown": (
        "no se sabe si {needs} llegó; el paso {step} espera hasta el {until}",
        "nobody knows whether {needs} arrived; step {step} waits until {until}",
    ),
    "notice_time": (
        "corre el plazo de {step} hasta el {until}",
        "the notice time of {step} runs until {until}",
    ),
    "gap": (
        "el paso {step} espera hasta el {until} para distanciarse de {after}",
        "step {step} waits until {until} to keep its distance from {after}",
    ),
    "ladder_ended": (
        "la escalera {strategy} terminó: corresponde {task}",
        "ladder {strategy} has ended: {task} comes next",
    ),
    "review_not_due": ("la próxima {task} es el {on}", "the next {task} is on {on}"),
    "other_creditor_first": (
        "{creditor} espera: {first} tiene el paso más severo y la persona recibe un solo contacto",
        "{creditor} waits: {first} has the severer step and a person gets one contact",
    ),
    "delivery_under_way": (
        "el envío de {step} está en curso",
        "the delivery of {step} is under way",
    ),
    "delivery_lost": (
        "el envío de {step} no llegó a su cola y se pone de nuevo",
        "the delivery of {step} never reached its queue and is queued again",
    ),
    "fate_unknown": (
        "no se sabe si {step} salió; no se repite, lo revisa una persona",
        "nobody knows whether {step} left; it is not repeated, a person looks into it",
    ),
}

REASON_CODES = frozenset(_SENTENCES)

# fmt: off
_MONTHS = (
    ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
     "octubre", "noviembre", "diciembre"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"),
)
_WEEKDAYS = (
    ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
# fmt: on
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_TASKS = {
    "review": ("revisión por una persona", "review by a person"),
    "hand_over": ("entrega a otra persona o área", "hand-over to somebody else"),
}


def sentence(reason: Reason, *, locale: str, zones: Sequence[str]) -> str:
    """One reason as a sentence without its full stop."""
    spanish = locale.startswith("es")
    template = _SENTENCES[reason.code][0 if spanish else 1]
    return template.format_map(_Filled(reason.params, spanish=spanish, zones=zones))


def refusal_sentence(
    refusal: Refusal, *, locale: str, zones: Sequence[str], as_of: datetime = _LONG_AGO
) -> str:
    """One refusal of the contact policy as a sentence: the channel, why not, the law, and when.
    `as_of` is when it was refused; days of that year are told without it."""
    denied = Deny(
        refusal.rule,
        refusal.source,
        cast("DenyReason", refusal.code),
        as_of,
        refusal.params,
        zones[0],
        refusal.next_allowed_at,
    )
    return f"{refusal.channel}: {policy_says(denied, locale)}"


def explain(decision: Decision, *, locale: str, zones: Sequence[str]) -> list[str]:
    """The whole decision as sentences, refusals last. `zones` are the debtor's."""
    return [
        *(sentence(reason, locale=locale, zones=zones) for reason in decision.reasons),
        *(
            refusal_sentence(refusal, locale=locale, zones=zones, as_of=decision.as_of)
            for refusal in decision.refusals
        ),
    ]


def sentences(
    reasons: Iterable[Mapping[str, Any]], *, locale: str, zones: Sequence[str]
) -> list[str]:
    """Reasons as they are kept in the history."""
    return [
        sentence(Reason(r["code"], dict(r.get("params", {}))), locale=locale, zones=zones)
        for r in reasons
    ]


class _Filled(dict[str, str]):
    """What fills a sentence; anything that a reason does not say is left to the future."""

    def __init__(self, params: Mapping[str, Any], *, spanish: bool, zones: Sequence[str]) -> None:
        super().__init__(
            {name: in_words(value, spanish=spanish, zones=zones) for name, value in params.items()}
        )
        task = _TASKS.get(str(params.get("task")))
        if task is not None:
            self["task"] = task[0 if spanish else 1]
        if params.get("since", "") is None:
            self["since"] = "nunca" if spanish else "never"
        self._spanish = spanish

    def __missing__(self, name: str) -> str:
        return in_words(None, spanish=self._spanish, zones=())


def in_words(value: object, *, spanish: bool, zones: Sequence[str]) -> str:
    """A date or an instant as a person says it, in the debtor's zone; anything else as it is."""
    if value is None:
        return "nuevo aviso" if spanish else "further notice"
    if isinstance(value, str) and len(value) >= 10 and value[4:5] == value[7:8] == "-":
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            return str(value)
    if isinstance(value, datetime):
        local = in_zone(zones, value)
        weekday = _WEEKDAYS[0 if spanish else 1][local.weekday()]
        return f"{weekday} {_day(local, spanish=spanish)}, {local:%H:%M}"
    if isinstance(value, date):
        return _day(value, spanish=spanish)
    return str(value)


def _day(day: date, *, spanish: bool) -> str:
    month = _MONTHS[0 if spanish else 1][day.month - 1]
    if spanish:
        return f"{day.day} de {month} de {day.year}"
    return f"{day.day} {month} {day.year}"
