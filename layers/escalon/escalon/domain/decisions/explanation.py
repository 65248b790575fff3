"""Explanations: the engine's reasons as sentences that a person can read, in Spanish or English."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

from escalon.domain.contact.policy import Deny
from escalon.domain.contact.policy import Reason as DenyReason
from escalon.domain.contact.text import because
from escalon.domain.contact.text import explain as policy_says
from escalon.domain.decisions.decision import Decision, Reason, Refusal
from escalon.domain.local_time import in_zone
from escalon.domain.rules.rulebook import Rulebook

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
    "in_agreement": (
        "el documento {receivable} hace parte del acuerdo {agreement} y no se gestiona mientras se "
        "cumpla; lo próximo vence el {on}",
        "receivable {receivable} is part of agreement {agreement} and is not chased while that is "
        "kept; what comes next is due on {on}",
    ),
    "instalment_due": (
        "corresponde el recordatorio {step} de la cuota {instalment} del acuerdo {agreement}, que "
        "vence el {on}",
        "reminder {step} of instalment {instalment} of agreement {agreement}, which is due on "
        "{on}, has come",
    ),
    "settled": (
        "el documento {receivable} ya no está abierto",
        "receivable {receivable} is not open any more",
    ),
    "not_in_sight": (
        "no consta si el documento {receivable} sigue abierto: no está entre los veinte más "
        "antiguos de la cuenta",
        "whether receivable {receivable} is still open is not known here: it is not among the "
        "account's twenty oldest",
    ),
    "step_gone": (
        "el paso {step} ya no está en el reglamento",
        "step {step} is not in the rules any more",
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
    "not_asked_for": (
        "el mensaje de {step} no cobra el documento {receivable}: {why}",
        "the message of {step} does not ask for receivable {receivable}: {why}",
    ),
    "policy_closed": (
        "la política de contacto permite el paso {step} a partir del {until}",
        "the contact policy allows step {step} from {until} on",
    ),
    "no_lawful_channel": (
        "ningún canal permite el paso {step}: falta un dato de contacto o una autorización",
        "no channel serves step {step}: a contact point or a consent is missing",
    ),
    "whereabouts_unknown": (
        "no se sabe en qué país ni en qué zona horaria está la persona; el paso {step} espera "
        "a que alguien lo averigüe",
        "nobody knows the person's country or time zone; step {step} waits until somebody finds "
        "out",
    ),
    "contact_stopped": (
        "el paso {step} no se da: {why}",
        "step {step} is not taken: {why}",
    ),
    "gate_closed": (
        "el paso {step} espera hasta {until}: {why}",
        "step {step} waits until {until}: {why}",
    ),
    "rules_lacking": (
        "el paso {step} espera hasta que se complete el reglamento ({rule}): {why}",
        "step {step} waits until the rulebook is completed ({rule}): {why}",
    ),
    "waits_for_person": ("una persona tiene que resolverlo", "a person has to mend it"),
    "waits_for_delivery": (
        "el paso {step} espera a que conste la entrega de {needs}, a más tardar el {until}",
        "step {step} waits until {needs} counts as delivered, at the latest {until}",
    ),
    "to_be_sent": (
        "el paso {step} está por enviarse ({channel}): una persona lo tiene en su lista desde el "
        "{since}, y sus plazos corren desde el envío",
        "step {step} is still to be sent ({channel}): it has been on a person's list since "
        "{since}, and its days run from the sending",
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
    "follows": (
        "el paso {step} va también a quien responde por la deuda ({person})",
        "step {step} goes to a co-debtor or guarantor as well ({person})",
    ),
    "follow_closed": (
        "el paso {step} a quien responde por la deuda ({person}) se permite a partir del {until}",
        "step {step} to a co-debtor or guarantor ({person}) is allowed from {until} on",
    ),
    "follow_passed": (
        "el paso {step} no va a quien responde por la deuda ({person}): ningún canal lo permite",
        "step {step} does not go to a co-debtor or guarantor ({person}): no channel allows it",
    ),
    "follow_rests": (
        "el paso {step} no va por ahora a quien responde por la deuda ({person}): su cuenta está "
        "en pausa ({kind}) hasta {until}",
        "step {step} does not go to a co-debtor or guarantor ({person}) for now: their account is "
        "on hold ({kind}) until {until}",
    ),
    "follow_unknown": (
        "el paso {step} no va a quien responde por la deuda ({person}): no hay datos de esa "
        "persona",
        "step {step} does not go to a co-debtor or guarantor ({person}): nothing is known of them",
    ),
    "follow_whereabouts_unknown": (
        "el paso {step} no va a quien responde por la deuda ({person}): no se sabe en qué país ni "
        "en qué zona horaria está",
        "step {step} does not go to a co-debtor or guarantor ({person}): nobody knows their "
        "country or time zone",
    ),
    "follow_unread": (
        "falta ver si el paso {step} va también a quien responde por la deuda ({person})",
        "whether step {step} goes to a co-debtor or guarantor as well ({person}) is looked at next",
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
    "stopped": (
        "una persona lo detuvo ({brake}) desde el {since}: {by}",
        "a person has stopped it ({brake}) since {since}: {by}",
    ),
    "paced": (
        "{step} espera su turno en {channel} hasta el {until}, para no enviar todo a la vez",
        "{step} waits for its turn by {channel} until {until}, so that not all goes at once",
    ),
    "turn_has_come": (
        "le llegó el turno a {step} por {channel}",
        "it is the turn of {step} by {channel}",
    ),
    "cap_reached": (
        "se alcanzó el tope de envíos {cap} ({most}): {step} espera hasta el {until}",
        "the sending cap {cap} ({most}) is reached: {step} waits until {until}",
    ),
    "too_late_to_send": (
        "{step} se decidió el {since} y es tarde para enviarlo: se decide de nuevo",
        "{step} was decided on {since} and is too late to be sent: it is decided again",
    ),
    "experiment": (
        "participa en el experimento {experiment}, brazo {arm}",
        "takes part in experiment {experiment}, arm {arm}",
    ),
    "hold_out": (
        "el experimento {experiment} la deja descansar (brazo {arm}) hasta el {until}: mientras "
        "tanto no sube la escalera",
        "experiment {experiment} lets it rest (arm {arm}) until {until}: it climbs no ladder "
        "meanwhile",
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
    "unheard": (
        "el transportista no ha dicho si {step} llegó; lo revisa una persona",
        "the carrier has not said whether {step} arrived; a person looks into it",
    ),
    "follow_unheard": (
        "el transportista no ha dicho si {step} llegó a quien responde por la deuda ({person}); lo "
        "revisa una persona",
        "the carrier has not said whether {step} reached a co-debtor or guarantor ({person}); a "
        "person looks into it",
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
    to = f" ({refusal.person})" if refusal.person else ""
    return f"{refusal.channel}{to}: {policy_says(denied, locale)}"


def explain(decision: Decision, *, locale: str, zones: Sequence[str]) -> list[str]:
    """The whole decision as sentences, refusals last. `zones` are the debtor's."""
    return [
        *(sentence(reason, locale=locale, zones=zones) for reason in decision.reasons),
        *(
            refusal_sentence(refusal, locale=locale, zones=zones, as_of=decision.as_of)
            for refusal in decision.refusals
        ),
    ]


# What has to happen before the account goes on, by the reason that holds it back; of a reason that
# time alone ends nothing is said.
_NEEDED: dict[str, tuple[str, str]] = {
    "missing_due_date": (
        "alguien tiene que completar el vencimiento de {receivable} en la fuente e importarlo",
        "somebody has to complete the due date of {receivable} at the source and import it",
    ),
    "currency_not_chased": (
        "el reglamento tiene que indicar un mínimo para {currency} (chase.from)",
        "the rulebook has to state a threshold for {currency} (chase.from)",
    ),
    "below_threshold": (
        "el saldo en {currency} tiene que llegar al mínimo",
        "the balance in {currency} has to reach the threshold",
    ),
    "no_strategy": (
        "una escalera del reglamento tiene que aceptarla (for)",
        "a ladder of the rulebook has to take it (for)",
    ),
    "payment_awaited": (
        "el pago tiene que llegar o fallar; si no, se sigue el {until}",
        "the payment has to come or to fail; else it goes on {until}",
    ),
    "payments_not_fresh": (
        "la fuente de pagos {feed} tiene que informar de nuevo",
        "the payment feed {feed} has to tell again",
    ),
    "no_lawful_channel": (
        "hace falta un dato de contacto con autorización para un canal del paso {step}",
        "a contact point with consent is needed for a channel of step {step}",
    ),
    "waits_for_person": (
        "una persona tiene que cerrar la tarea {task} o importar el dato que falta",
        "a person has to close task {task}, or import what is missing",
    ),
    "waits_for_delivery": (
        "{needs} tiene que constar como entregado",
        "{needs} has to count as delivered",
    ),
    "to_be_sent": (
        "alguien tiene que enviar {step} y cerrar su tarea: escalon tasks",
        "somebody has to send {step} and close its task: escalon tasks",
    ),
    "account_hold": (
        "la pausa ({kind}) tiene que terminar",
        "the hold ({kind}) has to end",
    ),
    "receivable_hold": (
        "la pausa de {receivable} ({kind}) tiene que terminar",
        "the hold on {receivable} ({kind}) has to end",
    ),
    "in_agreement": (
        "el acuerdo {agreement} tiene que cumplirse o incumplirse",
        "agreement {agreement} has to be fulfilled or broken",
    ),
    "stopped": (
        "alguien tiene que reanudar lo detenido ({brake}): escalon resume",
        "somebody has to resume what is stopped ({brake}): escalon resume",
    ),
    "whereabouts_unknown": (
        "alguien tiene que averiguar el país o la zona horaria",
        "somebody has to find out the country or the time zone",
    ),
    "hold_out": (
        "el descanso del experimento {experiment} tiene que terminar ({until})",
        "the rest of experiment {experiment} has to end ({until})",
    ),
}


def needed(decision: Decision, *, locale: str, zones: Sequence[str]) -> list[str]:
    """What has to happen before the account goes on, as sentences without their full stop."""
    spanish = locale.startswith("es")
    found = (
        _NEEDED[reason.code][0 if spanish else 1].format_map(
            _Filled(reason.params, spanish=spanish, zones=zones)
        )
        for reason in decision.reasons
        if reason.code in _NEEDED
    )
    return list(dict.fromkeys(found))


def rule_of(rulebook: Rulebook, strategy: str, step: str) -> str:
    """Where the rule stands that a decision names: file and line; empty if it names none."""
    for ladder in rulebook.strategies:
        if ladder.strategy != strategy:
            continue
        own = (each.source for each in ladder.steps if each.step == step)
        return next(own, ladder.end.source if step == "end" else ladder.source)
    return ""


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
        if "why" in params and "rule" in params:
            locale = "es" if spanish else "en"
            why, source = str(params["why"]), str(params.get("source", ""))
            self["why"] = because(why, params.get("about", {}), source, locale)
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
