"""What a verdict of the contact policy says to a person, in Spanish and English.

Babel is not used: explanations are written in functions whose cold start counts, and they need
only the names of days and months.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from escalon.domain.calendar import find_zone
from escalon.domain.contact.policy import LOOK_AHEAD, PASSING, Allow, Verdict

Language = Literal["es", "en"]

# By language and reason. {when} is the next allowed instant; a text that has it is used if there
# is one, else the text under "never" is appended.
TEXTS: dict[Language, dict[str, str]] = {
    "es": {
        "allow": "la política de contacto lo permite",
        "history_unreadable": "el historial tiene un contacto sin zona horaria",
        "instant_out_of_range": "el instante no tiene zona horaria o está fuera del calendario",
        "no_policy": "ninguna política de contacto dice a quién se puede contactar",
        "recipient_not_allowed": "no se puede contactar a esta persona ({role})",
        "channel_not_allowed": "el canal {channel} no está permitido",
        "contact_point_missing": "no hay un dato de contacto para el canal {channel}",
        "contact_point_of_other_channel": "el dato de contacto no es del canal {channel}",
        "contact_point_failed": "el dato de contacto para {channel} no funciona ({failed})",
        "consent_revoked": "la persona retiró su autorización para {channel}",
        "consent_missing": "falta la autorización de la persona para {channel}",
        "consent_not_yet_given": "la autorización para {channel} todavía no existía",
        "zone_unknown": "no se conoce la zona horaria de la persona",
        "holiday_year_missing": "no están cargados los festivos de {year}",
        "holiday": "el {day} es festivo",
        "window_closed": "está cerrado a esta hora",
        "channel_locked": "en la misma semana ya se usó otro canal ({used})",
        "min_gap": "todavía no ha pasado el tiempo mínimo desde el último contacto",
        "cap_reached": "ya se alcanzó el máximo de contactos por {per} ({max})",
        "stopped": "no se puede contactar a la persona por ello: {stop}",
        "stop_unknown": "no se sabe qué significa el estado {stop}",
        "channel_refused": "la persona no quiere ser contactada por {channel}",
        "origin_not_allowed": "el dato de contacto para {channel} no lo dio la persona",
        "use_not_allowed": "el dato de contacto para {channel} es del trabajo",
        "consent_unproven": "nada prueba la autorización para {channel}",
        "consent_for_other_purpose": "la autorización para {channel} se dio para otro fin",
        "consent_stale": "la autorización para {channel} no se confirma desde hace más de {days} "
        "días",
        "hours_not_wanted": "la persona pidió que no se le contacte a esta hora",
        "cooling_down": "se habló con la persona en los últimos {days} días",
        "action_not_stated": "la política no dice cuándo se permite {action}",
        "not_on_file": "para {action} falta en el expediente: {missing}",
        "debt_unknown": "para {action} no se conoce la deuda ({missing})",
        "too_small": "la deuda es muy pequeña para {action}",
        "too_old": "la deuda lleva más de {months} meses y ya no se permite {action}",
        "notice_missing": "para {action} consta el aviso previo {given} veces de {needed}",
        "gate_waits": "para {action} no han pasado {days} días",
        "notice_owed": "hasta el {day} debía darse {notice}",
        "content_missing": "el mensaje no muestra: {missing}",
        "content_forbidden": "el mensaje tiene lo que no debe: {found}",
        "seen_by_others": "otros leerían en {place}: {found}",
        "calendar_day": "día",
        "rolling_7d": "siete días",
        "opens": "la política de contacto abre {when}",
        "never": "no se conoce un instante permitido en los próximos {days} días",
    },
    "en": {
        "allow": "the contact policy allows it",
        "history_unreadable": "the history holds a contact without a time zone",
        "instant_out_of_range": "the instant has no time zone or lies outside the calendar",
        "no_policy": "no contact policy says who may be contacted",
        "recipient_not_allowed": "this person may not be contacted ({role})",
        "channel_not_allowed": "the channel {channel} is not allowed",
        "contact_point_missing": "there is no contact point for {channel}",
        "contact_point_of_other_channel": "the contact point is not one for {channel}",
        "contact_point_failed": "the contact point for {channel} does not work ({failed})",
        "consent_revoked": "the person has withdrawn consent to {channel}",
        "consent_missing": "the person's consent to {channel} is missing",
        "consent_not_yet_given": "consent to {channel} had not been given yet",
        "zone_unknown": "the person's time zone is not known",
        "holiday_year_missing": "the holidays of {year} are not loaded",
        "holiday": "{day} is a public holiday",
        "window_closed": "it is closed at this hour",
        "channel_locked": "another channel has been used in the same week ({used})",
        "min_gap": "the minimum time since the last contact has not passed",
        "cap_reached": "the maximum of contacts per {per} is reached ({max})",
        "stopped": "the person may not be contacted about this: {stop}",
        "stop_unknown": "nobody knows what the state {stop} means",
        "channel_refused": "the person does not want to be contacted by {channel}",
        "origin_not_allowed": "the person did not supply the contact point for {channel}",
        "use_not_allowed": "the contact point for {channel} is one at work",
        "consent_unproven": "nothing proves the consent to {channel}",
        "consent_for_other_purpose": "consent to {channel} was given for another purpose",
        "consent_stale": "consent to {channel} was last confirmed more than {days} days ago",
        "hours_not_wanted": "the person asked not to be contacted at this hour",
        "cooling_down": "somebody spoke with the person in the last {days} days",
        "action_not_stated": "the policy does not say when to {action}",
        "not_on_file": "to {action} something is missing on file: {missing}",
        "debt_unknown": "to {action} the debt is not known well enough ({missing})",
        "too_small": "the debt is too small to {action}",
        "too_old": "the debt is more than {months} months old, too old to {action}",
        "notice_missing": "to {action} notice has been given {given} times of {needed}",
        "gate_waits": "to {action} {days} days have not passed",
        "notice_owed": "{notice} was due by {day}",
        "content_missing": "the message does not show: {missing}",
        "content_forbidden": "the message is what it must not be: {found}",
        "seen_by_others": "others would read in {place}: {found}",
        "calendar_day": "day",
        "rolling_7d": "seven days",
        "opens": "the contact policy opens {when}",
        "never": "no allowed instant is known in the next {days} days",
    },
}
# Words of the policies that appear in those texts, by language.
WORDS: dict[Language, dict[str, str]] = {
    "es": {
        "paid": "está pagado",
        "dispute_open": "hay un reclamo abierto",
        "wrong_person": "no es la persona que debe",
        "deceased": "falleció",
        "identity_doubt": "hay dudas sobre su identidad",
        "legal_hold": "hay una orden o un asunto legal",
        "data_revoked": "retiró la autorización para tratar sus datos",
        "represented": "la representa un abogado",
        "insolvency": "está en un proceso de insolvencia",
        "cease_request": "pidió por escrito que no se le contacte",
        "breathing_space": "está en un período de respiro",
        "debt_advice": "busca asesoría para sus deudas",
        "statute_barred_refused": "la deuda prescribió y la persona se niega a pagarla",
        "vulnerable": "se revisa si está en situación de vulnerabilidad",
        "report_bureau": "reportar a una central de riesgo",
        "file_claim": "demandar",
        "charge_fee": "cobrar gastos de cobranza",
        "make_agreement": "hacer un acuerdo",
        "bureau_notice": "el aviso previo al reporte",
        "receipted_demand": "el requerimiento de pago con acuse de recibo",
        "validation_notice": "el aviso de validación de la deuda",
        "useful_notice": "la gestión útil sin costo",
        "authorisation": "la autorización",
        "debt_document": "el documento de la deuda",
        "certain_and_due": "que la deuda es cierta y exigible",
        "warned_in_contract_or_demand": "la advertencia en el contrato o en el requerimiento",
        "bureau_named": "el nombre de la central de riesgo",
        "documented_settlement_attempt": "el intento documentado de arreglo",
        "in_writing": "que consta por escrito",
        "terms": "las condiciones",
        "breakdown": "el desglose",
        "says_if_it_settles_all": "si salda toda la deuda",
        "creditor_account": "la cuenta del acreedor",
        "due_on": "el vencimiento",
        "principal": "el capital",
    },
    "en": {
        "paid": "it is paid",
        "dispute_open": "a dispute is open",
        "wrong_person": "this is not who owes",
        "deceased": "they have died",
        "identity_doubt": "their identity is in doubt",
        "legal_hold": "there is a legal hold",
        "data_revoked": "they withdrew the permission to process their data",
        "represented": "a lawyer represents them",
        "insolvency": "they are insolvent",
        "cease_request": "they asked in writing not to be contacted",
        "breathing_space": "they are in a breathing space",
        "debt_advice": "they are getting debt advice",
        "statute_barred_refused": "the debt is statute-barred and they will not pay it",
        "vulnerable": "it is being found out whether they are vulnerable",
        "report_bureau": "report it to a credit bureau",
        "file_claim": "file a claim",
        "charge_fee": "charge a collection fee",
        "make_agreement": "make an agreement",
        "bureau_notice": "the notice before a credit report",
        "receipted_demand": "the receipted demand for payment",
        "validation_notice": "the validation notice",
        "useful_notice": "the free useful notice",
        "authorisation": "the authorisation",
        "debt_document": "the document of the debt",
        "certain_and_due": "that the debt is certain and due",
        "warned_in_contract_or_demand": "the warning in the contract or the demand",
        "bureau_named": "the name of the credit bureau",
        "documented_settlement_attempt": "the documented attempt to settle",
        "in_writing": "that it is in writing",
        "terms": "the terms",
        "breakdown": "the breakdown",
        "says_if_it_settles_all": "whether it settles the whole debt",
        "creditor_account": "the creditor's account",
        "due_on": "the due date",
        "principal": "the principal",
    },
}
_DAYS: dict[Language, tuple[str, ...]] = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS: dict[Language, tuple[str, ...]] = {
    "es": (
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


def explain(verdict: Verdict, locale: str) -> str:
    """One clause without a full stop, e.g. "la política de contacto abre el lunes 13 de julio a
    las 07:00 (Ley 2300 de 2023, art. 3)". Instants are told in the debtor's zone; a language we
    do not have is told in English."""
    language: Language = "es" if locale[:2].lower() == "es" else "en"
    texts = TEXTS[language]
    if isinstance(verdict, Allow):
        return texts["allow"]
    zone = find_zone(verdict.zone)
    info: tzinfo = zone.info if zone is not None else UTC
    this_year = verdict.at.astimezone(info).year if "day" in verdict.params else 0
    clauses = [_clause(verdict.reason, verdict.params, language, this_year)]
    if verdict.next_allowed_at is not None:
        opens = texts["opens"].format(
            when=_when(verdict.next_allowed_at, verdict.at, info, language)
        )
        # That it is closed goes without saying where it opens.
        clauses = [opens] if verdict.reason == "window_closed" else [*clauses, opens]
    elif verdict.reason in PASSING:
        clauses.append(texts["never"].format(days=LOOK_AHEAD.days))
    text = "; ".join(clauses)
    return f"{text} ({verdict.source})" if verdict.source else text


def because(reason: str, params: Mapping[str, str], source: str, locale: str) -> str:
    """Why something is refused, without when that may change: a clause without a full stop."""
    language: Language = "es" if locale[:2].lower() == "es" else "en"
    text = _clause(reason, params, language, 0)
    return f"{text} ({source})" if source else text


def _clause(reason: str, params: Mapping[str, str], language: Language, this_year: int) -> str:
    """The reason in words; days of this year are told without it."""
    texts, filled = TEXTS[language], dict(params)
    if "per" in filled:
        filled["per"] = texts[filled["per"]]
    if "day" in filled:
        day = datetime.fromisoformat(filled["day"])
        filled["day"] = _day(day, language, with_year=day.year != this_year)
    for name in ("stop", "action", "notice", "missing"):
        if name in filled:
            words = filled[name].split(", ")
            filled[name] = ", ".join(WORDS[language].get(word, word) for word in words)
    return texts[reason].format_map(_Filled(filled))


class _Filled(dict[str, str]):
    """What fills a text; what a refusal of another version does not say is left open."""

    def __missing__(self, name: str) -> str:
        return "…"


def _when(instant: datetime, asked_at: datetime, info: tzinfo, language: Language) -> str:
    if instant.second or instant.microsecond:  # never tell a minute that has not come yet
        instant = instant.replace(second=0, microsecond=0) + timedelta(minutes=1)
    local = instant.astimezone(info)
    day = _day(local, language, with_year=local.year != asked_at.astimezone(info).year)
    if language == "es":
        return f"el {day} a las {local:%H:%M}"
    return f"on {day} at {local:%H:%M}"


def _day(day: datetime, language: Language, *, with_year: bool) -> str:
    weekday, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    if language == "es":
        return f"{weekday} {day.day} de {month}" + (f" de {day.year}" if with_year else "")
    return f"{weekday} {day.day} {month}" + (f" {day.year}" if with_year else "")
