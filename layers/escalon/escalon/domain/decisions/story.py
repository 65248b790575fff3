"""An account's story: its facts as sentences, so that whoever asks sees what happened and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from escalon.domain.decisions.decision import Refusal
from escalon.domain.decisions.explanation import REASON_CODES, in_words, refusal_sentence
from escalon.domain.decisions.explanation import sentences as reason_sentences
from escalon.domain.money import to_major

# fact -> (Spanish, English); what stands in braces is filled from the fact.
_SENTENCES: dict[str, tuple[str, str]] = {
    "claimed": (
        "{channel}: el paso {step} está por enviarse",
        "{channel}: step {step} is about to go out",
    ),
    "sent": ("{channel}: se envió el paso {step}", "{channel}: step {step} was sent"),
    "delivered": ("{channel}: se entregó el paso {step}", "{channel}: step {step} was delivered"),
    "delayed": (
        "{channel}: la entrega del paso {step} se demora",
        "{channel}: step {step} is delayed",
    ),
    "bounced": (
        "{channel}: el paso {step} no llegó a nadie ({reason})",
        "{channel}: step {step} reached nobody ({reason})",
    ),
    "complained": (
        "{channel}: quien recibió el paso {step} se quejó; ya no se escribe por este canal",
        "{channel}: whoever got step {step} complained; nothing goes by this channel any more",
    ),
    "rejected": ("{channel}: se rechazó el paso {step}", "{channel}: step {step} was rejected"),
    "failed": (
        "{channel}: el paso {step} no se pudo enviar ({reason})",
        "{channel}: step {step} could not be sent ({reason})",
    ),
    "unknown": (
        "{channel}: nadie sabe si el paso {step} salió",
        "{channel}: nobody knows whether step {step} left",
    ),
    "withdrawn": (
        "{channel}: el paso {step} ya no correspondía y no se envió",
        "{channel}: step {step} was no longer right and did not go out",
    ),
    "released": (
        "{channel}: el paso {step} queda para más tarde ({reason})",
        "{channel}: step {step} is put off ({reason})",
    ),
    "contact_counted": (
        "{channel}: se le escribe por la deuda de otra persona ({debtor})",
        "{channel}: is written to about somebody else's debt ({debtor})",
    ),
    "contact_released": (
        "{channel}: el mensaje por la deuda de otra persona no salió ({debtor})",
        "{channel}: the message about somebody else's debt did not leave ({debtor})",
    ),
    "contact_failed": (
        "{channel}: el mensaje por la deuda de otra persona no llegó ({debtor})",
        "{channel}: the message about somebody else's debt reached nobody ({debtor})",
    ),
    "opened": ("se abrió una tarea: {task} ({step})", "a task was opened: {task} ({step})"),
    "task_closed": ("tarea cerrada: {task} ({outcome})", "a task was closed: {task} ({outcome})"),
    "replied": (
        "{channel}: la persona respondió",
        "{channel}: the person wrote back",
    ),
    "consent_revoked": (
        "se revocó la autorización del canal {channel}",
        "consent for channel {channel} was revoked",
    ),
    "paid": (
        "pago {payment_id} por {amount}, de fecha {paid_at} ({source})",
        "payment {payment_id} of {amount}, made on {paid_at} ({source})",
    ),
    "payment_noticed": (
        "noticia del pago {payment_id} ({source}); no cambia ningún saldo",
        "a word of payment {payment_id} ({source}); it changes no balance",
    ),
    "payment_reversed": (
        "se anuló el pago {payment_id}: {amount} vuelven a deberse",
        "payment {payment_id} was voided: {amount} are owed again",
    ),
    "refunded": (
        "se devolvieron {amount} del pago {payment_id}: vuelven a deberse",
        "{amount} of payment {payment_id} were refunded: they are owed again",
    ),
    "charged_back": (
        "contracargo de {amount} del pago {payment_id}: vuelven a deberse",
        "{amount} of payment {payment_id} were charged back: they are owed again",
    ),
    "awaited": (
        "hay un pago en camino ({payment_id}): no se cobra mientras llega, por {hours} horas a lo "
        "sumo",
        "a payment is under way ({payment_id}): nothing is asked for until it is here, for {hours} "
        "hours at most",
    ),
    "no_longer_awaited": (
        "ya no se espera el pago {payment_id}",
        "payment {payment_id} is awaited no longer",
    ),
    "matched": (
        "{by} asignó el pago {payment_id} a esta cuenta",
        "{by} matched payment {payment_id} to this account",
    ),
    "waived": ("{by} condonó {amount}", "{by} waived {amount}"),
    "written_off": ("{by} castigó {amount}", "{by} wrote off {amount}"),
    "credit_applied": (
        "{by} aplicó {amount} del saldo a favor",
        "{by} applied {amount} of unapplied credit",
    ),
    "credit_used": (
        "se aplicaron {amount} del saldo a favor que dejó el pago {payment_id}",
        "{amount} of the credit that payment {payment_id} had left were applied",
    ),
    "allocation_reversed": (
        "{by} deshizo una aplicación de {amount}: quedan como saldo a favor",
        "{by} reversed an allocation of {amount}: it is unapplied credit again",
    ),
    "imported": ("llegaron datos de la fuente", "the source told of it"),
    "held": ("se puso en pausa ({kind})", "it was put on hold ({kind})"),
    "hold_placed": (
        "se puso en pausa ({kind}) hasta {ends_on}",
        "it was put on hold ({kind}) until {ends_on}",
    ),
    "hold_ended": ("terminó la pausa ({kind})", "the hold has ended ({kind})"),
    "portal_verified": (
        "entró a su página por el enlace de {channel}",
        "came to their page by the link in {channel}",
    ),
    "portal_confirmed": (
        "confirmó con un código de un solo uso",
        "confirmed with a one-time code",
    ),
    "disputed": (
        "no está de acuerdo con {receivable_id} ({reason})",
        "does not agree with {receivable_id} ({reason})",
    ),
    "asked": ("hizo una pregunta en su página", "asked a question on their page"),
    "help_asked": (
        "pidió ayuda en su página: no puede pagar",
        "asked for help on their page: they cannot pay",
    ),
    "declined": (
        "dijo por qué no acepta una oferta ({agreement_id})",
        "said why they do not accept an offer ({agreement_id})",
    ),
    "preferences_changed": (
        "cambió cómo quiere que se le contacte",
        "changed how they want to be contacted",
    ),
    "treated": ("contó cómo se le atendió: {how}", "told how they were treated: {how}"),
    "wrong_person": (
        "{channel}: quien lo recibió es otra persona",
        "{channel}: whoever got it is somebody else",
    ),
    "consent_granted": (
        "se autorizó el canal {channel}",
        "consent for channel {channel} was given",
    ),
    "agreement_offered": (
        "se ofreció un acuerdo ({kind}): {agreement_id}",
        "an agreement was offered ({kind}): {agreement_id}",
    ),
    "agreement_accepted": (
        "se aceptó el acuerdo {agreement_id}",
        "agreement {agreement_id} was accepted",
    ),
    "agreement_approved": (
        "se aprobó el acuerdo {agreement_id}",
        "agreement {agreement_id} was approved",
    ),
    "agreement_active": (
        "rige el acuerdo {agreement_id}",
        "agreement {agreement_id} is in force",
    ),
    "agreement_fulfilled": (
        "se cumplió el acuerdo {agreement_id}",
        "agreement {agreement_id} was fulfilled",
    ),
    "agreement_broken": (
        "se incumplió el acuerdo {agreement_id}",
        "agreement {agreement_id} was broken",
    ),
    "agreement_cancelled": (
        "se canceló el acuerdo {agreement_id}",
        "agreement {agreement_id} was cancelled",
    ),
    "agreement_replaced": (
        "otro acuerdo reemplazó al acuerdo {agreement_id}",
        "another agreement replaced agreement {agreement_id}",
    ),
    "agreement_expired": (
        "venció la oferta del acuerdo {agreement_id}",
        "the offer of agreement {agreement_id} expired",
    ),
    "instalment_kept": (
        "se pagó la cuota {instalment} del acuerdo {agreement_id}",
        "instalment {instalment} of agreement {agreement_id} was paid",
    ),
    "instalment_late": (
        "la cuota {instalment} del acuerdo {agreement_id} está atrasada, todavía a tiempo",
        "instalment {instalment} of agreement {agreement_id} is late, and may still be kept",
    ),
    "instalment_part_kept": (
        "la cuota {instalment} del acuerdo {agreement_id} se pagó en parte",
        "instalment {instalment} of agreement {agreement_id} was paid in part",
    ),
    "instalment_missed": (
        "no se pagó la cuota {instalment} del acuerdo {agreement_id}",
        "instalment {instalment} of agreement {agreement_id} was not paid",
    ),
    "instalment_reversed": (
        "se devolvió el pago de la cuota {instalment} del acuerdo {agreement_id}",
        "the payment of instalment {instalment} of agreement {agreement_id} went back",
    ),
    "instalment_open": (
        "la cuota {instalment} del acuerdo {agreement_id} queda abierta de nuevo",
        "instalment {instalment} of agreement {agreement_id} is open again",
    ),
    "agreement_paused": (
        "el acuerdo {agreement_id} queda en pausa mientras dure la pausa de su deuda",
        "agreement {agreement_id} is paused while its debt is on hold",
    ),
    "agreement_goes_on": (
        "el acuerdo {agreement_id} sigue su curso",
        "agreement {agreement_id} goes on",
    ),
    "undone": (
        "{by} revirtió lo que hizo el barrido del {run_id}",
        "{by} took back what the run of {run_id} had done",
    ),
    "excluded": (
        "{by} excluyó la cuenta de toda gestión",
        "{by} excluded the account from everything",
    ),
    "included": ("{by} volvió a incluir la cuenta", "{by} included the account again"),
    "replanned": (
        "se revisa de nuevo por un cambio de reglamento",
        "it is looked at again since the rules have changed",
    ),
}

# What a line of the story is about: by the fact, or the word that its name begins with.
type Kind = Literal["money", "message", "decision", "task", "agreement", "hold", "data", "act"]
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        (
            *("paid", "payment", "refunded", "charged", "awaited", "no", "matched", "waived"),
            *("written", "credit", "allocation", "booked", "returned", "voided"),
        ),
        "money",
    ),
    **dict.fromkeys(
        (
            *("claimed", "sent", "delivered", "delayed", "bounced", "complained", "rejected"),
            *("failed", "unknown", "withdrawn", "released", "unconfirmed", "portal", "contact"),
        ),
        "message",
    ),
    **dict.fromkeys(("opened", "task"), "task"),
    **dict.fromkeys(("agreement", "instalment", "reminded"), "agreement"),
    **dict.fromkeys(("held", "hold", "disputed"), "hold"),
    **dict.fromkeys(("imported", "consent", "preferences", "wrong"), "data"),
    **dict.fromkeys(("undone", "excluded", "included"), "act"),
    "decided": "decision",
}
# Entries that are told by themselves; what payments settle is told by the payment.
_ENTRIES: dict[str, tuple[str, str]] = {
    "charge": ("cargo de {amount}: {receivable_id}", "{amount} was charged: {receivable_id}"),
    "interest": (
        "intereses de mora de {amount} sobre {receivable_id}",
        "default interest of {amount} on {receivable_id}",
    ),
    "fee": ("gasto de {amount} sobre {receivable_id}", "a fee of {amount} on {receivable_id}"),
    "adjustment": (
        "la fuente corrigió el saldo de {receivable_id} en {amount}",
        "the source corrected the balance of {receivable_id} by {amount}",
    ),
}


class Moment(msgspec.Struct, frozen=True):
    """One line of an account's story: when, what it is about, what happened, and what more is to be
    said of it, such as the law that made a step wait."""

    at: datetime
    kind: Kind
    said: str
    more: tuple[str, ...] = ()
    rulebook: str = ""


def timeline(
    facts: Iterable[Mapping[str, Any]], *, locale: str, zones: Sequence[str]
) -> list[Moment]:
    """The whole story in the order of its facts: money, messages and what became of them, work for
    people, agreements, holds, and each decision to wait with its reasons and the law. A decision
    that says what the one before it said is left out; one to act is told by what came of it."""
    spanish = locale.startswith("es")
    moments: list[Moment] = []
    said_before: list[str] = []
    for fact in facts:
        at = datetime.fromisoformat(str(fact["at"]))
        if fact["fact"] == "decided":
            moment = _decision(fact, at, locale, zones)
            codes = _codes(fact)
            if moment is not None and codes != said_before:
                moments.append(moment)
            said_before = codes
        elif fact["fact"] == "booked":
            moments.extend(_entries(fact, at, spanish=spanish, zones=zones))
        else:
            moments.append(_moment(fact, at, locale, zones))
    return moments


def _moment(fact: Mapping[str, Any], at: datetime, locale: str, zones: Sequence[str]) -> Moment:
    spanish = locale.startswith("es")
    name = str(fact["fact"])
    sentences = _SENTENCES.get(name)
    if sentences is None:
        said = name.replace("_", " ")
    else:
        said = sentences[0 if spanish else 1].format_map(_Filled(fact, spanish, zones))
    more = [*_because(fact.get("reasons", ()), locale, zones)]
    more += [refusal_sentence(r, locale=locale, zones=zones, as_of=at) for r in _refusals(fact)]
    kind = _KINDS.get(name.partition("_")[0], "act")
    return Moment(at, kind, said, tuple(more), str(fact.get("rulebook", "")))


def _decision(
    fact: Mapping[str, Any], at: datetime, locale: str, zones: Sequence[str]
) -> Moment | None:
    """A decision that is not to act; what came of one to act is told by itself."""
    if fact["outcome"] == "act":
        return None
    reasons = _because(fact["reasons"], locale, zones)
    law = [refusal_sentence(r, locale=locale, zones=zones, as_of=at) for r in _refusals(fact)]
    word = _OUTCOMES[fact["outcome"]][0 if locale.startswith("es") else 1]
    said = f"{word}: {reasons[0]}" if reasons else word
    return Moment(at, "decision", said, (*reasons[1:], *law), str(fact.get("rulebook", "")))


_OUTCOMES = {
    "wait": ("se espera", "waits"),
    "hold": ("en pausa", "on hold"),
    "skip": ("no hay nada que hacer", "nothing to do"),
}


def _because(reasons: Iterable[Mapping[str, Any]], locale: str, zones: Sequence[str]) -> list[str]:
    """Those of the reasons that this version of the system has words for."""
    known = [reason for reason in reasons if reason["code"] in REASON_CODES]
    return reason_sentences(known, locale=locale, zones=zones)


def _refusals(fact: Mapping[str, Any]) -> list[Refusal]:
    return msgspec.convert(fact.get("refusals", []), list[Refusal])


def _codes(fact: Mapping[str, Any]) -> list[str]:
    """What tells one decision from another, beside the instants in it."""
    return [fact["outcome"], fact.get("step", ""), *(reason["code"] for reason in fact["reasons"])]


def _entries(
    fact: Mapping[str, Any], at: datetime, *, spanish: bool, zones: Sequence[str]
) -> Iterable[Moment]:
    for entry in fact["entries"]:
        sentences = _ENTRIES.get(entry["kind"])
        if sentences is not None:
            said = sentences[0 if spanish else 1].format_map(_Filled(entry, spanish, zones))
            yield Moment(at, "money", said)


def told(facts: Iterable[Mapping[str, Any]], *, locale: str, zones: Sequence[str]) -> list[str]:
    """Each fact that a person would tell as "when: what", in the given order. Decisions and ledger
    entries are left out: `explain` and `ledger` show those."""
    spanish = locale.startswith("es")
    lines = []
    for fact in facts:
        sentences = _SENTENCES.get(fact["fact"])
        if sentences is not None:
            when = in_words(fact["at"], spanish=spanish, zones=zones)
            what = sentences[0 if spanish else 1].format_map(_Filled(fact, spanish, zones))
            lines.append(f"{when}: {what}")
    return lines


class _Filled(dict[str, str]):
    """What fills a sentence; what a fact does not say stays a dash."""

    def __init__(self, fact: Mapping[str, Any], spanish: bool, zones: Sequence[str]) -> None:
        super().__init__(
            {name: in_words(value, spanish=spanish, zones=zones) for name, value in fact.items()}
        )
        by_component = fact.get("amounts_minor", {})
        minor = fact.get("amount_minor", sum(by_component.values()) if by_component else None)
        if minor is not None:
            currency = str(fact.get("currency", ""))
            self["amount"] = f"{currency} {to_major(minor, currency):,}"

    def __missing__(self, name: str) -> str:
        return "—"
