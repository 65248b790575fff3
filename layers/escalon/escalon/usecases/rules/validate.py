"""Validate rulebooks before they go live: what AppConfig is about to deploy, and what somebody asks
to publish (invariant 10).

The command line has checked the files that a person wrote, with line and remedy. Here nothing that
it says is believed: content has to be what its name says, and to be able to decide and to write.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from escalon.domain.account import Account, Channel, Consent, ContactPoint, Receivable
from escalon.domain.decisions.forecast import forecast
from escalon.domain.rules.rollout import FULL, Rollout
from escalon.domain.rules.rulebook import Rulebook, version_of
from escalon.failures import in_short

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents

_DUE_ON = date(2026, 9, 14)  # of made-up debts, so that trying is deterministic
_NOON = datetime(2026, 9, 14, 12, tzinfo=UTC)
_BEFORE, _AFTER = timedelta(days=30), timedelta(days=200)
_CHANNELS: tuple[Channel, ...] = ("email", "sms", "letter")


class NotSoundError(Exception):
    """It may not go live, with everything that is wrong."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class ValidateRulebook:
    """Tell whether a configuration may be deployed."""

    def __init__(self, documents: "Documents") -> None:
        self._documents = documents

    def __call__(self, content: bytes) -> Rollout:
        """What is to be in force, if that is sound; raises NotSoundError."""
        try:
            rollout = msgspec.json.decode(content, type=Rollout)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NotSoundError(f"this is no configuration: {error}") from error
        if wrong := list(_wrong(rollout)):
            raise NotSoundError(*wrong)
        for version in rollout.versions:
            self.published(version)
        return rollout

    def published(self, version: str) -> Rulebook:
        """A rulebook that is in the bucket, whole and able to decide; raises NotSoundError."""
        body = self._documents.find(f"rulebooks/{version}.json")
        if body is None:
            raise NotSoundError(f"there is no rulebook {version}")
        return sound(body, version)


def _wrong(rollout: Rollout) -> Iterator[str]:
    if not rollout.live:
        yield "no rulebook is live"
    if bool(rollout.canary) != (0 < rollout.share < FULL):
        yield f"a canary has a share between 0 and {FULL}, and nothing else has one"
    if rollout.canary == rollout.live:
        yield "the canary is the live rulebook"
    if rollout.canary_keep and not rollout.canary:
        yield "without a canary nobody is on its side"


@lru_cache(maxsize=16)
def sound(body: bytes, version: str) -> Rulebook:
    """The rulebook that these bytes are, if they are of that version, and it can decide about every
    made-up debt and write every message; raises NotSoundError."""
    try:
        rulebook = msgspec.json.decode(body, type=Rulebook)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotSoundError(f"rulebook {version} cannot be read: {error}") from error
    if rulebook.version != version or version_of(rulebook) != version:
        raise NotSoundError(f"the content is not that of rulebook {version}")
    if not rulebook.strategies or not rulebook.creditors or "*" not in rulebook.contact_policies:
        raise NotSoundError(f"rulebook {version} has no ladder, no creditor or no contact policy")
    for account in _debtors(rulebook):
        try:
            forecast(account, rulebook, _NOON - _BEFORE, _NOON + _AFTER)
        except Exception as error:  # the engine is total on what is sound
            raise NotSoundError(
                f"rulebook {version} cannot decide about a debt to "
                f"{account.receivables[0].creditor} in {account.country}: {in_short(error)}"
            ) from error
    if wrong := list(_unwritable(rulebook)):
        raise NotSoundError(*wrong)
    return rulebook


def _debtors(rulebook: Rulebook) -> Iterator[Account]:
    """One of every country and creditor, who may be reached by every channel."""
    consent = Consent(_DUE_ON - timedelta(days=365), "made up")
    for country in rulebook.contact_policies:
        for creditor in rulebook.creditors:
            yield Account(
                account_id=f"made-up-{country}-{creditor}",
                source_ref="",
                name="",
                country=country if country != "*" else "",
                points=tuple(ContactPoint(name, name, "-", consent) for name in _CHANNELS),
                receivables=tuple(
                    Receivable(
                        f"r-{currency}",
                        creditor,
                        f"d-{currency}",
                        _DUE_ON - timedelta(days=30),
                        _DUE_ON,
                        currency,
                        least * 100,
                        least * 100,
                        _DUE_ON - timedelta(days=30),
                    )
                    for currency, least in rulebook.chase.from_minor.items()
                ),
            )


def _unwritable(rulebook: Rulebook) -> Iterator[str]:
    """Every message that cannot be written to a made-up debtor, each once: locale, template and
    why."""
    # Jinja2 and Babel take long to import, and deciding needs neither.
    from escalon.messages.errors import MessageError
    from escalon.messages.render import render_email, render_sms
    from escalon.messages.samples import sample_contexts

    creditor = next(iter(rulebook.creditors.values()))
    currency = next(iter(rulebook.chase.from_minor))
    for locale, sources in rulebook.messages.items():
        tried: set[tuple[str, str]] = set()
        for step in (step for strategy in rulebook.strategies for step in strategy.steps):
            for channel in step.channels:
                if channel not in ("email", "sms") or (step.message, channel) in tried:
                    continue
                tried.add((step.message, channel))
                context = sample_contexts(
                    creditor, locale=locale, today=_DUE_ON, stage=step.stage, currency=currency
                )["one"]
                try:
                    if channel == "email":
                        render_email(sources, step.message, context)
                    else:
                        render_sms(sources, step.message, context)
                except MessageError as error:
                    yield str(error)
