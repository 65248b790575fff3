"""What each channel is set up to do: data of the rulebook, since it differs by country and firm."""

from collections.abc import Collection
from typing import Literal

import msgspec

# Channels that our delivery functions can serve. One that the rulebook has not set up, and any
# other, becomes work for a person.
MESSAGE_CHANNELS = frozenset(("email", "sms", "whatsapp"))

# What a value of a WhatsApp template may be; messages/whatsapp writes each as the reader does.
type WhatsappValue = Literal[
    "debtor_name", "creditor", "to_pay", "documents", "document", "due_on", "respond_by", "phone"
]


class SmsCountry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an SMS can do where its number is."""

    two_way: bool = False  # whether a reply to it reaches us
    sender_ids: bool = False  # whether it may come from a name instead of a number
    most_price: str = ""  # USD for one SMS, above which it is not sent; empty: no such limit


class SmsRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """How SMS are sent. Unlisted countries have neither replies nor sender ids."""

    most_segments: int = 3  # a longer one is not sent, and its step goes on by the next channel
    countries: dict[str, SmsCountry] = {}  # by the number's country; "*" is any other
    delivery_log: bool = False  # whether SNS logs, and this stack reads, what became of each

    def of(self, country: str) -> SmsCountry:
        """What holds in this country."""
        return self.countries.get(country) or self.countries.get("*") or SmsCountry()


class WhatsappTemplate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A template that Meta has approved, as which one of our messages goes by WhatsApp."""

    name: str
    languages: dict[str, str]  # our locale -> the code under which Meta has its translation
    body: tuple[WhatsappValue, ...] = ()  # the values of {{1}}, {{2}}, …
    link_button: bool = False  # whether its button leads to <its address>/<the link's code>


class ReplyRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """What follows when a debtor writes back."""

    pause_days: int = 3  # for so long nothing is said, so that a person can answer
    due_days: int = 1  # for the person to do so


class Channels(msgspec.Struct, frozen=True, omit_defaults=True):
    """The channels that we serve ourselves; a step by any other is work for a person."""

    served: tuple[str, ...] = ("email", "sms")
    sms: SmsRules = SmsRules()
    whatsapp: dict[str, WhatsappTemplate] = {}  # by the name of our message
    replies: ReplyRules = ReplyRules()

    @property
    def telling(self) -> frozenset[str]:
        """Those that we serve whose carrier tells of every delivery: there, silence is none. Of an
        SMS the carrier tells only where its log is switched on."""
        logged = ("sms",) if self.sms.delivery_log else ()
        return frozenset(("email", "whatsapp", *logged)).intersection(self.served)

    def serves(self, channels: Collection[str]) -> bool:
        """Whether we serve any of these."""
        return any(channel in self.served for channel in channels)
