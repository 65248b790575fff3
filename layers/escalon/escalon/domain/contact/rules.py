"""The contact policy as data: what a layer of law or of house rules can say, and in which words.

Every field here is carried out: by `contact_policy.evaluate`, by `contact_policy_gates` or by
`contact_policy_content`. A test changes each of them and looks for the difference (lesson L24).
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal, Protocol, get_args

import msgspec

from escalon.domain.account import Channel
from escalon.domain.calendar import Week

Level = Literal["base", "country", "sector", "house"]
LEVELS: tuple[Level, ...] = get_args(Level)
Limit = Literal["windows", "holidays", "channel_lock", "cooldowns", "caps"]
LIMITS: tuple[Limit, ...] = get_args(Limit)
CHANNELS: frozenset[str] = frozenset(get_args(Channel))

# What a contact is for. A statutory notice is one that a law demands before something else; it and
# collecting are bound by every limit. A layer may exempt the others from its own: most of them
# answer or inform and ask for no money, which whoever sends one vouches for; an agreed call asks.
AnswerKind = Literal[
    "reply_to_inbound",
    "requested_information",
    "transaction_confirmation",  # receipts
    "access_code",
    "fraud_alert",
]
ExemptKind = Literal[AnswerKind, "agreed_call"]
Kind = Literal[ExemptKind, "collection", "statutory_notice"]
ANSWER_KINDS: frozenset[str] = frozenset(get_args(AnswerKind))

# Why a person, or one debt of theirs, is left alone.
StopKind = Literal[
    "paid",
    "dispute_open",
    "wrong_person",
    "deceased",
    "identity_doubt",
    "legal_hold",
    "data_revoked",  # withdrew the permission to process their data, not just one channel
    "represented",  # by a lawyer
    "insolvency",
    "cease_request",  # refuses in writing to pay or to be contacted
    "breathing_space",
    "debt_advice",
    "statute_barred_refused",
    "vulnerable",
]
STOP_KINDS: frozenset[str] = frozenset(get_args(StopKind))

# Where the creditor has a contact point from, and what it is used for.
Origin = Literal["debtor", "employer", "third_party", "public_search", "device_contacts"]
Use = Literal["personal", "work"]

# What may be done about a debt besides contacting, behind a gate.
Action = Literal["report_bureau", "file_claim", "charge_fee", "make_agreement"]
# Messages that a law demands, by name; whoever gives one keeps its proof.
NoticeName = Literal["bureau_notice", "receipted_demand", "validation_notice", "useful_notice"]
# What has to be on file before an action.
OnFile = Literal[
    "authorisation",
    "debt_document",
    "certain_and_due",
    "warned_in_contract_or_demand",
    "bureau_named",
    "documented_settlement_attempt",
    "in_writing",
    "terms",
    "breakdown",
    "says_if_it_settles_all",
    "creditor_account",
]

# What a message shows.
Block = Literal[
    "creditor_name",
    "creditor_address",
    "creditor_tax_id",
    "collector_name",
    "collector_address",
    "collector_registration",
    "agent_name",
    "responsible_person",
    "obligation",
    "amount_breakdown",
    "interest_and_fees",
    "calculation_date",
    "due_date",
    "how_to_pay",
    "pay_creditor_directly",
    "settlement_terms",
    "how_to_dispute",
    "complaints_contact",
    "change_channel_or_stop",
    "written_copy_on_request",
    "rights_notice",
    "privacy_notice",
    "free_debt_advice",
    "not_a_court_proceeding",
    "debt_collector_disclosure",
    "automated_agent_notice",
]
# What a message must not be.
Wrong = Literal[
    "fake_court_document",
    "official_lookalike",
    "impersonation",
    "false_legal_status",
    "false_amount",
    "threat",
    "threat_to_sue_time_barred",
    "lawsuit_allusion",
    "jail",
    "insult",
    "ridicule",
    "public_shaming",
    "third_party_disclosure",
    "debt_words_on_envelope",
    "hidden_caller_id",
    "premium_number",
    "artificial_deadline",
    "unaffordable_pressure",
    "asks_reason_of_default",
    "promotional",
    "bureau_warning_without_gate",
    "unlogged_fee",
    "pay_to_collector",
    "read_tracking",
]
# Where whoever stands nearby reads along.
Place = Literal["subject", "preheader", "sender", "sms_start", "push", "whatsapp_header"]


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a rule comes from, how sure we are of it, since when it binds and who signed it off."""

    source: str = ""
    confidence: str = ""
    valid_from: date | None = None  # None: always
    reviewed_by: str | None = None


class Stops(msgspec.Struct, frozen=True, omit_defaults=True):
    """States in which a person is left alone, or (`only_asking`) is not asked for that debt."""

    about: Provenance
    when: tuple[str, ...]  # StopKind
    only_asking: bool = False
    except_roles: tuple[str, ...] = ()  # who may be contacted all the same, e.g. the lawyer


class Recipients(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may be contacted, by role. `allow` None leaves that to other layers."""

    about: Provenance
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Channels(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which channels may be used, and with what consent. None leaves that to other layers."""

    about: Provenance
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    require_consent: bool | tuple[str, ...] | None = None  # True: on every channel
    require_evidence: bool | None = None  # a consent that nothing proves does not count
    # A consent counts for so many days after it was given or last confirmed, by channel.
    consent_days: dict[str, int] = {}


class Points(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which addresses and numbers may be used, whatever their channel."""

    about: Provenance
    deny_origins: tuple[str, ...] = ()  # Origin
    deny_uses: tuple[str, ...] = ()  # Use
    # Only what the debtor supplied. A consent that stands is the debtor's own word for the address.
    only_supplied: bool = False


class Places(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which time zones are kept where: zone -> regions (ISO 3166-2, without the country). No
    regions: everywhere."""

    about: Provenance
    zones: dict[str, tuple[str, ...]]


class Windows(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hours of the week, on the debtor's clock, in which a contact may be made."""

    about: Provenance
    week: Week
    # Whether the debtor may open further hours, in writing, after the contract was signed. A day
    # of the week that is closed as a whole stays so.
    extra_on_request: bool = False


class Holidays(msgspec.Struct, frozen=True, omit_defaults=True):
    """The days of rest: a calendar of the policy, none (""), and further days of one's own."""

    about: Provenance
    calendar: str = ""
    extra: tuple[date, ...] = ()


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the channel lock and the caps of this layer count: every attempt that is not proven to
    have reached nobody (also the default), or only conversations."""

    about: Provenance
    what: Literal["attempt", "two_way"]


class ChannelLock(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many different channels may be used in a week."""

    about: Provenance
    per: Literal["rolling_7d", "iso_week"]
    max_distinct: int = 1
    # An attempt that provably reached nobody leaves the next channel free ("hard_failure"), or
    # locks like any other ("never").
    failover_on: Literal["hard_failure", "never"] = "hard_failure"
    # A channel that the debtor asked for is free of what was said by others before.
    release_on_request: bool = False


class Cooldown(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long a conversation rests some channels. The day of the conversation is the first."""

    about: Provenance
    block: tuple[str, ...]
    days: int
    after: tuple[str, ...] = ("voice",)
    include_inbound: bool = True


class Cap(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many contacts a person may get on a group of channels, and how far apart."""

    about: Provenance
    per: Literal["calendar_day", "rolling_7d"]
    max: int
    channels: tuple[str, ...] = ()  # empty: all
    min_gap_h: int = 0  # hours since the latest contact of the group
    min_gap_days: int = 0  # local calendar days since the latest contact of the group


class Exemption(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which limits of its own layer do not bind some kinds of message, e.g. an answer.

    Never stops, recipients, consent or content. With `after` the debtor must have asked, and the
    exemption lasts `within_h` hours from then on (0: for good).
    """

    about: Provenance
    kinds: tuple[str, ...]
    skips: tuple[Limit, ...]
    after: Literal["", "answer", "call"] = ""
    within_h: int = 0
    same_channel: bool = False  # only by the channel on which the debtor asked


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has to have happened before an action. Days are the debtor's calendar days."""

    about: Provenance
    action: str
    require: tuple[str, ...] = ()  # OnFile
    notice: str = ""  # the NoticeName that has to have been given, with proof
    notices: int = 0
    distinct_days: bool = False
    wait_days: int = 0
    wait_after: Literal["notice", "due_date"] = "notice"
    max_months: int = 0  # since the due date; 0: no limit
    least_principal: dict[str, int] = {}  # minor units by currency; one not listed has no minimum


class Duty(msgspec.Struct, frozen=True, omit_defaults=True):
    """A notice that has to be given by a day; with `bars_asking` nothing is asked for after it."""

    about: Provenance
    notice: str
    within_days: int
    after: Literal["first_contact", "due_date"]
    bars_asking: bool = False


class FeeCap(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much all fees on one debt may come to, in tranches of what is overdue of it, counted in a
    unit whose value in money changes by the month. It is lowered by `less_units` unless a notice
    was given within so many days of the due date. Carried out by `fees`."""

    about: Provenance
    currency: str
    # By month (YYYY-MM): hundredths of the currency's minor unit. A month that is missing: no fee.
    unit_values: dict[str, int]
    # Up to how much (hundredths of a unit; None: beyond) which share (hundredths of a percent).
    tranches: tuple[tuple[int | None, int], ...]
    less_units: int = 0  # hundredths of a unit
    unless: str = ""  # NoticeName
    within_days: int = 0


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What messages of some kinds, by some channels, have to show and must not be."""

    about: Provenance
    kinds: tuple[str, ...] = ()  # empty: all
    channels: tuple[str, ...] = ()  # empty: all
    first_only: bool = False  # the first contact about a debt
    require: tuple[str, ...] = ()  # Block
    forbid: tuple[str, ...] = ()  # Wrong
    # The words that show a block of `require` where no data of the debt does, by language ("es").
    say: dict[str, dict[str, str]] = {}


class Preview(msgspec.Struct, frozen=True, omit_defaults=True):
    """What must not be read where others look along."""

    about: Provenance
    places: tuple[str, ...]
    forbid_amounts: bool = False
    # By language: whole words without accents; one that ends in * is the beginning of a word.
    forbid_words: dict[str, tuple[str, ...]] = {}
    sms_chars: int = 0  # how much of an SMS is seen before it is opened


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One policy as somebody wrote it: the base, a country's law, a sector's, the house's own."""

    policy: str
    level: Level
    recipients: Recipients | None = None
    channels: Channels | None = None
    windows: Windows | None = None
    holidays: Holidays | None = None
    channel_lock: ChannelLock | None = None
    caps: tuple[Cap, ...] = ()
    exempt: tuple[Exemption, ...] = ()
    stops: tuple[Stops, ...] = ()
    points: Points | None = None
    zones: Places | None = None
    counts: Counts | None = None
    cooldowns: tuple[Cooldown, ...] = ()
    gates: tuple[Gate, ...] = ()
    duties: tuple[Duty, ...] = ()
    content: tuple[Content, ...] = ()
    preview: Preview | None = None
    fees: tuple[FeeCap, ...] = ()


class Rule(Protocol):
    """What every rule of a layer says about itself."""

    @property
    def about(self) -> Provenance:
        """Where it comes from."""
        ...


def rules_of(layer: Layer) -> Iterator[tuple[str, Rule]]:
    """Every rule of the layer by its name, e.g. "co.windows" or "co.caps[0]"."""
    for field in layer.__struct_fields__[2:]:  # after its name and level
        value = getattr(layer, field)
        if isinstance(value, tuple):
            for place, rule in enumerate(value):
                yield f"{layer.policy}.{field}[{place}]", rule
        elif value is not None:
            yield f"{layer.policy}.{field}", value
