"""What a verdict of the contact policy says to a person, in Spanish and English.

Babel is not used: explanations are written in functions whose cold start counts, and they need
only the names of days and months.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from escalon.domain.calendar import find_zone
from escalon.domain.contact_policy import LOOK_AHEAD, PASSING, Allow, Verdict

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
        "calendar_day": "day",
        "rolling_7d": "seven days",
        "opens": "the contact policy opens {when}",
        "never": "no allowed instant is known in the next {days} days",
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
    params = dict(verdict.params)
    if "per" in params:
        params["per"] = texts[params["per"]]
    zone = find_zone(verdict.zone)
    info: tzinfo = zone.info if zone is not None else UTC
    if "day" in params:
        day = datetime.fromisoformat(params["day"])
        params["day"] = _day(day, language, with_year=day.year != verdict.at.astimezone(info).year)
    clauses = [texts[verdict.reason].format(**params)]
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
