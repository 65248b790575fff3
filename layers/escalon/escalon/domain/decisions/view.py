"""What every rule of the engine looks at: the account as of one instant."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec

from escalon.domain.account import Account, ContactPoint, Receivable
from escalon.domain.contact.facts import Stop
from escalon.domain.contact.policy import Policy, Verdict
from escalon.domain.contact.told import contact_verdict, stops_of, zones_for
from escalon.domain.local_time import add_days, local_date, start_of_day
from escalon.domain.rules.rulebook import Rulebook, Step

REVIEW_DAYS = 30  # an open account that is not chased is looked at this often (invariant 7)
PERSON_DAYS = 7  # an account that waits for a person is looked at this often
FARTHEST_LOOK_DAYS = 366  # whatever is open is looked at once a year at least


class View(msgspec.Struct, frozen=True):
    """The account as of one instant."""

    account: Account
    rulebook: Rulebook
    policy: Policy
    as_of: datetime
    zones: tuple[str, ...]
    today: date  # in the debtor's zone; where zones conflict, the earliest of their dates
    feeds: Mapping[str, datetime]
    stops: tuple[Stop, ...]  # of the person, whichever debt it is about
    ended: frozenset[str] = frozenset()  # experiments that were ended early

    def date_of(self, instant: datetime) -> date:
        return local_date(self.zones, instant)

    def start_of(self, day: date) -> datetime:
        """The first instant of `day`, or of the day a year ahead if that is sooner."""
        farthest = add_days(self.today, FARTHEST_LOOK_DAYS)
        return start_of_day(self.zones, min(day, farthest))

    def in_days(self, days: int) -> datetime:
        """The first instant of the day so many days ahead."""
        return self.start_of(self.today + timedelta(days=days))

    def verdict(
        self,
        channel: str,
        point: ContactPoint | None,
        at: datetime,
        step: Step | None,
        carrying: Receivable | None = None,
    ) -> Verdict:
        """What the contact policy says of the step by that channel at that instant."""
        return contact_verdict(
            self.account,
            self.rulebook,
            self.policy,
            channel=channel,
            point=point,
            zones=self.zones,
            stops=self.stops,
            at=at,
            step=step,
            receivable=carrying,
        )


def view_of(
    account: Account, rulebook: Rulebook, as_of: datetime, feeds: Mapping[str, datetime]
) -> View:
    """The account at that instant (aware), by these rules."""
    policy = rulebook.policy_for(account.country)
    zones = zones_for(rulebook, account)
    today = local_date(zones, as_of)
    stops = stops_of(account, rulebook.holds, "", today, zones) if account.holds else ()
    return View(account, rulebook, policy, as_of, zones, today, feeds, stops)
