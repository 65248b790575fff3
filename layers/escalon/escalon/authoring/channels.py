"""What each channel is set up to do, as operators write it: `channels.yaml`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from escalon.authoring.words import COUNTRY_OR_ANY, Days, Slug, YesNo, words
from escalon.authoring.yaml_lines import WrongValueError
from escalon.domain.contact.channels import (
    Channels,
    ReplyRules,
    SmsCountry,
    SmsRules,
    WhatsappTemplate,
    WhatsappValue,
)


def _price(match: re.Match[str]) -> str:
    if not Decimal(match[1]):
        raise WrongValueError("for nothing no SMS is sent", "leave most_price out for no limit")
    return match[1]


# As SNS takes it: in USD, never counted with.
Price = Annotated[str, words(r"USD (\d{1,2}(?:\.\d{1,5})?)", "USD 0.08", _price)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SmsCountryFile(_Part):
    """What an SMS can do in one country."""

    two_way: YesNo = False
    sender_ids: YesNo = False
    most_price: Price | None = None

    def compiled(self) -> SmsCountry:
        """The value that travels."""
        return SmsCountry(self.two_way, self.sender_ids, self.most_price or "")


class SmsFile(_Part):
    """How SMS are sent."""

    most_segments: Annotated[int, Field(ge=1, le=6)] = 3
    countries: dict[Annotated[str, Field(pattern=COUNTRY_OR_ANY)], SmsCountryFile] = {}
    delivery_log: Annotated[
        YesNo,
        Field(description="Whether SNS logs what became of every SMS, and this stack reads it."),
    ] = False

    def compiled(self) -> SmsRules:
        """The value that travels."""
        countries = {name: country.compiled() for name, country in self.countries.items()}
        return SmsRules(self.most_segments, countries, self.delivery_log)


class WhatsappTemplateFile(_Part):
    """As which approved template one of our messages goes."""

    template: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    languages: Annotated[
        dict[str, Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")]], Field(min_length=1)
    ]
    body: list[WhatsappValue] = []
    link_button: YesNo = False

    def compiled(self) -> WhatsappTemplate:
        """The value that travels."""
        return WhatsappTemplate(self.template, self.languages, tuple(self.body), self.link_button)


class WhatsappFile(_Part):
    """The messages that may go by WhatsApp, by their names."""

    templates: Annotated[dict[Slug, WhatsappTemplateFile], Field(min_length=1)]


class RepliesFile(_Part):
    """What follows when a debtor writes back."""

    pause: Days = 3
    due_within: Days = 1


class ChannelsFile(_Part):
    """`channels.yaml`."""

    sms: Annotated[
        SmsFile, Field(description="How SMS are sent, and what they can do in each country.")
    ] = SmsFile()
    whatsapp: Annotated[
        WhatsappFile | None,
        Field(description="Messages that may go by WhatsApp, as templates that Meta approved."),
    ] = None
    replies: Annotated[
        RepliesFile, Field(description="What follows when a debtor writes back.")
    ] = RepliesFile()

    def compiled(self) -> Channels:
        """The value that travels. E-mail and SMS are always served; WhatsApp once it has
        templates."""
        templates = self.whatsapp.templates if self.whatsapp else {}
        return Channels(
            ("email", "sms", "whatsapp") if templates else ("email", "sms"),
            self.sms.compiled(),
            {name: template.compiled() for name, template in templates.items()},
            ReplyRules(self.replies.pause, self.replies.due_within),
        )


def wrong_steps(
    channels: Channels,
    message: str,
    by: Sequence[str],
    messages: Mapping[str, object],
    *,
    has_notice: bool,
) -> Iterator[tuple[str, str]]:
    """What is wrong with a step that says `message` by these channels, each with its remedy;
    `messages` holds the locales that there are words in, `has_notice` whether the step waits."""
    if "whatsapp" not in by:
        return
    if "whatsapp" not in channels.served:
        yield (
            "WhatsApp is not set up",
            "write its templates into channels.yaml, or take it out of `by`",
        )
        return
    template = channels.whatsapp.get(message)
    if template is None:
        yield (
            f"there is no WhatsApp template for {message}",
            f"write one under whatsapp.templates.{message} in channels.yaml",
        )
        return
    if "respond_by" in template.body and not has_notice:
        yield (
            f"the WhatsApp template for {message} says until when to answer, and the step does not",
            "give the step notice time, such as `wait: 15 days`, or take respond_by out",
        )
    missing = sorted(set(messages) - set(template.languages))
    if missing:
        yield (
            f"the WhatsApp template for {message} is not there in {', '.join(missing)}",
            f"write its languages under whatsapp.templates.{message} in channels.yaml",
        )
