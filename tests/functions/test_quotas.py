"""What SES says of its quota, as GetAccount answers it."""

from datetime import UTC, datetime
from typing import Any

from escalon.adapters.quotas import email_quota, sms_quota
from escalon.domain.contact.pacing import Quota

NOW = datetime(2026, 9, 7, 12, 0, tzinfo=UTC)


class Ses:
    def __init__(self, **quota: float) -> None:
        self.quota = quota

    def get_account(self) -> dict[str, Any]:
        return {"SendQuota": self.quota}


def test_the_quota_of_ses() -> None:
    ses = Ses(Max24HourSend=50_000.0, MaxSendRate=14.0, SentLast24Hours=1_234.0)
    assert email_quota(ses, NOW) == Quota("email", 14_000, 50_000, 1_234, NOW)


def test_an_account_without_a_limit_of_a_day() -> None:
    ses = Ses(Max24HourSend=-1.0, MaxSendRate=0.5, SentLast24Hours=0.0)
    assert email_quota(ses, NOW) == Quota("email", 500, 0, 0, NOW)


def test_sns_takes_twenty_a_second_and_tells_no_quota() -> None:
    assert sms_quota(NOW) == Quota("sms", 20_000, 0, 0, NOW)
