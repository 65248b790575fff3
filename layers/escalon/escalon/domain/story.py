"""An account's story: its facts as sentences, so that whoever asks sees what happened and why."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from escalon.domain.explanation import in_words
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
    "opened": ("se abrió una tarea: {task} ({step})", "a task was opened: {task} ({step})"),
    "task_closed": ("se cerró una tarea", "a task was closed"),
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
    "allocation_reversed": (
        "{by} deshizo una aplicación de {amount}: quedan como saldo a favor",
        "{by} reversed an allocation of {amount}: it is unapplied credit again",
    ),
    "imported": ("llegaron datos de la fuente", "the source told of it"),
    "held": ("se puso en pausa", "it was put on hold"),
}


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
