"""What carriers take from this AWS account, as they say themselves."""

from datetime import datetime
from typing import Any

from escalon.domain.contact.pacing import Quota

# SNS tells nobody its rate: what it takes of an account that has asked for no more.
SMS_PER_SECOND_MILLI = 20_000


def email_quota(ses: Any, now: datetime) -> Quota:
    """The account's SES quota; `ses` is a boto3 sesv2 client (GetAccount, SendQuota). SES writes -1
    where there is no limit."""
    found = ses.get_account()["SendQuota"]
    per_day = max(0, int(found["Max24HourSend"]))
    return Quota(
        "email", int(found["MaxSendRate"] * 1000), per_day, int(found["SentLast24Hours"]), now
    )


def sms_quota(now: datetime) -> Quota:
    """The rate of SNS; what may be spent in a month is SNS's own limit, in money."""
    return Quota("sms", SMS_PER_SECOND_MILLI, 0, 0, now)
