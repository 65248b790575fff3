"""`escalon rules preview`: a step's messages as made-up debtors get them, in every language."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from escalon.domain.contact.channels import MESSAGE_CHANNELS
from escalon.domain.rules.rulebook import Creditor, Rulebook, Step
from escalon.messages.context import MessageContext
from escalon.messages.errors import MessageError
from escalon.messages.render import render_email, render_sms
from escalon.messages.samples import sample_contexts
from escalon.messages.sms import count_segments
from escalon_cli.rules.pages import render
from escalon_cli.rules.report import steps_of

SHAPES = ("one", "several", "partly paid", "several currencies", "company", "unapplied credit")


class PreviewError(LookupError):
    """A step that has no message to show, or that is not there."""


def page(
    rulebook: Rulebook, step: str, *, creditor: str = "", today: date, locale: str = "es"
) -> str:
    """The page; raises PreviewError. A message that cannot be written says why in its place."""
    steps = steps_of(rulebook)
    if step not in steps:
        raise PreviewError(f"there is no step {step}; there are: {', '.join(steps)}")
    found = steps[step]
    if not set(found.channels) & MESSAGE_CHANNELS:
        raise PreviewError(f"{step} is work for a person: nothing is said")
    names = rulebook.creditors
    if creditor and creditor not in names:
        raise PreviewError(f"there is no creditor {creditor}; there are: {', '.join(names)}")
    sender = names[creditor] if creditor else next(iter(names.values()))
    return render(
        "preview.html.j2",
        locale,
        step=found,
        languages=[
            {"locale": each, "shapes": list(_shapes(rulebook, found, sender, each, today))}
            for each in sorted(
                rulebook.messages, key=lambda name: (name != rulebook.language, name)
            )
        ],
    )


def _shapes(
    rulebook: Rulebook, step: Step, creditor: Creditor, locale: str, today: date
) -> Iterator[dict[str, Any]]:
    currency = next(iter(rulebook.chase.from_minor))
    contexts = sample_contexts(
        creditor, locale=locale, today=today, stage=step.stage, currency=currency
    )
    sources = rulebook.messages[locale]
    for shape in SHAPES:
        yield {
            "shape": shape,
            "email": _email(sources, step, contexts[shape]) if "email" in step.channels else None,
            "sms": _sms(sources, step, contexts[shape]) if "sms" in step.channels else None,
        }


def _email(sources: dict[str, str], step: Step, context: MessageContext) -> dict[str, Any]:
    try:
        email = render_email(sources, step.message, context)
    except MessageError as error:
        return {"problem": str(error)}
    return {
        "problem": "",
        "subject": email.subject,
        "preheader": email.preheader,
        "text": email.text,
        "html": email.html,
    }


def _sms(sources: dict[str, str], step: Step, context: MessageContext) -> dict[str, Any]:
    try:
        sms = render_sms(sources, step.message, context)
    except MessageError as error:
        return {"problem": str(error)}
    counted = count_segments(sms.text)
    return {
        "problem": "",
        "text": sms.text,
        "segments": counted.segments,
        "units": counted.units,
        "encoding": counted.encoding,
    }
