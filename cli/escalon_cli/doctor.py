"""The doctor: what an operator has to put right before a stack may write to people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from botocore.exceptions import ClientError

from escalon.domain.contact.gates import add_months
from escalon.domain.contact.told import HOLIDAYS_AHEAD, holidays_through
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli import senders
from escalon_cli.deployed import Deployed
from escalon_cli.publish import live_version

State = Literal["ok", "warn", "bad"]
# By so many days a bucket may keep papers longer than a law counts in months.
_A_MONTH = 31


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, and what to do if it is not well."""

    state: State
    what: str
    found: str
    remedy: str = ""


def examine(deployed: Deployed) -> list[Finding]:
    """Look at everything; what cannot be looked at is a finding too."""
    checks: tuple[tuple[str, Callable[[Deployed], Iterator[Finding]]], ...] = (
        ("rulebook", _rulebook),
        ("SES", _ses),
        ("SMS", _sms),
        ("SMS delivery status", sms_status),
        ("SMS delivery_log", _sms_log_said),
        ("delivery feedback", feedback),
        ("Lambda", _lambda),
        ("dead letters", _dead_letters),
        ("data", _data),
    )
    findings: list[Finding] = []
    for what, check in checks:
        try:
            findings.extend(check(deployed))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            findings.append(
                Finding("warn", what, f"cannot be looked at: {code}", "check your permissions")
            )
    return findings


def _rulebook(deployed: Deployed) -> Iterator[Finding]:
    version = live_version(deployed)
    if not version:
        yield Finding("bad", "rulebook", "none is in force", "escalon rules publish")
        return
    rulebook = deployed.documents.rulebook(version)
    yield Finding("ok", "rulebook", f"{rulebook.rulebook} {version}")
    unreviewed = sorted(
        {
            layer.policy
            for policy in rulebook.contact_policies.values()
            for layer in policy.layers
            if layer.windows is not None and layer.windows.about.reviewed_by is None
        }
    )
    if unreviewed:
        yield Finding(
            "warn",
            "contact policies",
            f"not reviewed by counsel: {', '.join(unreviewed)}",
            "have them read, and write the name under reviewed_by",
        )
    today = datetime.now(UTC).date()
    yield from _holidays(rulebook, today)
    yield from papers_kept(rulebook, int(deployed.outputs["AgreementDays"]), today)
    yield from (Finding(*found) for found in senders.examine(deployed, rulebook))
    if "whatsapp" in rulebook.channels.served and "WhatsAppNumber" not in deployed.outputs:
        yield Finding(
            "bad",
            "WhatsApp",
            "the rulebook writes by it, and the stack has no number",
            "deploy with the parameter WhatsAppNumberId: docs/delivery.md, 'WhatsApp'",
        )


def _holidays(rulebook: Rulebook, today: date) -> Iterator[Finding]:
    """Whether every country's holidays are loaded for a while: after that nobody is contacted."""
    ending = {
        country: day
        for country, day in holidays_through(rulebook).items()
        if day - today < HOLIDAYS_AHEAD
    }
    over = any(day < today for day in ending.values())
    told = ", ".join(f"{country} through {day}" for country, day in sorted(ending.items()))
    yield (
        Finding(
            "bad" if over else "warn",
            "holidays",
            f"loaded only for {told}",
            "generate the next years: docs/contact-law.md, 'What a layer can say'",
        )
        if ending
        else Finding("ok", "holidays", "loaded for every country")
    )


def papers_kept(rulebook: Rulebook, days: int, today: date) -> Iterator[Finding]:
    """Whether documents of agreements stay as long as retention.yaml says for each creditor, and no
    longer: the bucket keeps all of them for so many days, and in production locks them."""
    shorter, longer = [], []
    for creditor in rulebook.creditors:
        rule = rulebook.retention_for([creditor]).get("agreements")
        wanted = (add_months(today, rule.months) - today).days if rule else 0
        if days < wanted:
            shorter.append(f"{creditor} {wanted}")
        elif days > wanted + _A_MONTH:
            longer.append(f"{creditor} {wanted}")
    remedy = "bring AgreementDays and retention.yaml together: docs/agreements-api.md"
    if shorter or longer:
        wanted_for = ", ".join((*shorter, *longer))
        yield Finding(
            "bad" if shorter else "warn",
            "agreements kept",
            f"for {days} days; retention.yaml wants {wanted_for}",
            remedy,
        )
    else:
        yield Finding("ok", "agreements kept", f"for {days} days, as retention.yaml says")


def _ses(deployed: Deployed) -> Iterator[Finding]:
    account = deployed.client("sesv2").get_account()
    if account.get("ProductionAccessEnabled"):
        yield Finding("ok", "SES access", "production")
    else:
        yield Finding(
            "bad", "SES access", "sandbox: only verified addresses", "ask SES for production access"
        )
    if not account.get("SendingEnabled", True):
        yield Finding("bad", "SES sending", "is paused", "resolve what SES has paused it for")
    quota = account.get("SendQuota", {})
    if quota:
        yield Finding(
            "ok",
            "SES quota",
            f"{quota.get('MaxSendRate', 0):g} a second, {quota.get('Max24HourSend', 0):g} a day",
        )


def _sms(deployed: Deployed) -> Iterator[Finding]:
    sns = deployed.client("sns")
    attributes = sns.get_sms_attributes().get("attributes", {})
    limit = attributes.get("MonthlySpendLimit")
    yield (
        Finding("ok", "SMS spend limit", f"{limit} USD a month")
        if limit
        else Finding("warn", "SMS spend limit", "the default of 1 USD a month", "raise it in SNS")
    )
    sandbox = sns.get_sms_sandbox_account_status().get("IsInSandbox")
    yield (
        Finding("bad", "SMS access", "sandbox: only verified numbers", "leave the SMS sandbox")
        if sandbox
        else Finding("ok", "SMS access", "production")
    )


# ------------------------------------------------------------------------- delivery feedback

# A line of SNS's log names a number; it is read within seconds, and kept to be read again.
SMS_LOG_DAYS = 7


def fix(deployed: Deployed) -> None:
    """Switch on what `examine` misses and nothing else decides about: that SNS logs the status of
    every SMS of this account and region, for a few days, and that this stack reads it."""
    sns, logs = deployed.client("sns"), deployed.client("logs")
    for group in _sms_log_groups(deployed):
        try:
            logs.create_log_group(logGroupName=group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise
        logs.put_retention_policy(logGroupName=group, retentionInDays=SMS_LOG_DAYS)
        logs.put_subscription_filter(
            logGroupName=group,
            filterName=f"escalon-{deployed.name}",
            filterPattern="",
            destinationArn=deployed.outputs["FeedbackFunctionArn"],
        )
    known = sns.get_sms_attributes().get("attributes", {})
    sns.set_sms_attributes(
        attributes={
            # Another stack of this account may have set a role of its own, which serves as well.
            "DeliveryStatusIAMRole": known.get("DeliveryStatusIAMRole")
            or deployed.outputs["SmsStatusRoleArn"],
            "DeliveryStatusSuccessSamplingRate": "100",
        }
    )


def fix_senders(deployed: Deployed) -> None:
    """Make the identities and configuration sets that the creditors in force need and SES lacks."""
    version = live_version(deployed)
    if version:
        senders.fix(deployed, deployed.documents.rulebook(version))


def _sms_log_groups(deployed: Deployed) -> tuple[str, str]:
    """Where SNS writes what became of an SMS, and of one that failed: one log for the account."""
    _, _, _, region, account, _ = deployed.outputs["FeedbackTopicArn"].split(":")
    group = f"sns/{region}/{account}/DirectPublishToPhoneNumber"
    return group, f"{group}/Failure"


def sms_status(deployed: Deployed) -> Iterator[Finding]:
    """Whether it is logged what became of every SMS, kept briefly, and read by this stack."""
    missing = _missing_of_status(deployed)
    yield (
        Finding("warn", "SMS delivery status", "; ".join(missing), "escalon doctor --fix")
        if missing
        else Finding(
            "ok", "SMS delivery status", f"all of it is logged for {SMS_LOG_DAYS} days, and read"
        )
    )


def _missing_of_status(deployed: Deployed) -> list[str]:
    return [
        *_missing_settings(deployed.client("sns").get_sms_attributes().get("attributes", {})),
        *(
            f"{group}: {what}"
            for group in _sms_log_groups(deployed)
            for what in _missing_of_log(deployed, group)
        ),
    ]


def _sms_log_said(deployed: Deployed) -> Iterator[Finding]:
    version = live_version(deployed)
    if version:
        said = deployed.documents.rulebook(version).channels.sms.delivery_log
        yield from log_as_said(said=said, logged=not _missing_of_status(deployed))


def log_as_said(*, said: bool, logged: bool) -> Iterator[Finding]:
    """Whether channels.yaml (`sms.delivery_log`) says of the log what is the case."""
    what = "SMS delivery_log"
    if said and not logged:
        yield Finding(
            "bad",
            what,
            "the rulebook says yes, and not all is logged: no SMS counts as delivered",
            "escalon doctor --fix, or write `delivery_log: no` into channels.yaml and publish",
        )
    elif logged and not said:
        yield Finding(
            "warn",
            what,
            "the rulebook says no, and all is logged: an SMS counts as delivered by time alone",
            "write `delivery_log: yes` into channels.yaml and publish",
        )


def _missing_settings(attributes: dict[str, str]) -> Iterator[str]:
    if not attributes.get("DeliveryStatusIAMRole"):
        yield "SNS has no role to log with"
    if attributes.get("DeliveryStatusSuccessSamplingRate") != "100":
        yield "not every success is logged"


def _missing_of_log(deployed: Deployed, name: str) -> Iterator[str]:
    logs = deployed.client("logs")
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    group = next((one for one in found if one["logGroupName"] == name), None)
    if group is None:
        yield "there is no such log"
        return
    if group.get("retentionInDays", SMS_LOG_DAYS + 1) > SMS_LOG_DAYS:
        yield "it keeps numbers for too long"
    readers = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
    wanted = deployed.outputs["FeedbackFunctionArn"]
    if all(reader["destinationArn"] != wanted for reader in readers):
        yield "this stack does not read it"


def feedback(deployed: Deployed) -> Iterator[Finding]:
    """Whether SES tells all that becomes of a message, and whether all of it could be taken."""
    name = deployed.outputs["EmailConfigurationSet"]
    missing, followed = senders.events_of(deployed, name)
    yield (
        Finding(
            "bad", "SES events", f"not told: {', '.join(missing)}", "deploy template.yaml again"
        )
        if missing
        else Finding("ok", "SES events", "all that becomes of a message is told")
    )
    if followed:
        what = "opens or clicks are followed, which rewrites every link"
        yield Finding("bad", "SES events", what, f"take them out of {name}")
    kept = sum(1 for _ in deployed.documents.keys("feedback/"))
    yield (
        Finding("warn", "feedback not taken", f"{kept} in 90 days", "see docs/delivery.md")
        if kept
        else Finding("ok", "feedback not taken", "none")
    )


def _lambda(deployed: Deployed) -> Iterator[Finding]:
    limit = deployed.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    yield (
        Finding("ok", "Lambda concurrency", str(limit))
        if limit >= 100
        else Finding(
            "warn", "Lambda concurrency", str(limit), "ask for a quota of 1,000 in Service Quotas"
        )
    )


def _dead_letters(deployed: Deployed) -> Iterator[Finding]:
    attributes = deployed.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["DeadLettersUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]
    count = int(attributes["ApproximateNumberOfMessages"])
    yield (
        Finding("bad", "dead letters", str(count), "see docs/runbook.md, 'Dead letters'")
        if count
        else Finding("ok", "dead letters", "none")
    )


def _data(deployed: Deployed) -> Iterator[Finding]:
    dynamodb = deployed.client("dynamodb")
    for name in ("Table", "History"):
        described = dynamodb.describe_continuous_backups(TableName=deployed.outputs[name])
        recovery = described["ContinuousBackupsDescription"].get(
            "PointInTimeRecoveryDescription", {}
        )
        on = recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
        yield (
            Finding("ok", f"recovery of {name}", "to any second of 35 days")
            if on
            else Finding("bad", f"recovery of {name}", "is off", "deploy template.yaml again")
        )
