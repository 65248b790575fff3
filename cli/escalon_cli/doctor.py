"""The doctor: what an operator has to put right before a stack may write to people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from escalon_cli.deployed import Deployed
from escalon_cli.publish import live_version

State = Literal["ok", "warn", "bad"]


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
    ses = deployed.client("sesv2")
    for sender in sorted({creditor.email_from for creditor in rulebook.creditors.values()}):
        yield _identity(ses, sender)


def _identity(ses: Any, sender: str) -> Finding:
    domain = sender.partition("@")[2]
    for identity in (sender, domain):
        try:
            found = ses.get_email_identity(EmailIdentity=identity)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            continue
        if found.get("VerifiedForSendingStatus"):
            return Finding("ok", f"sender {sender}", f"{identity} is verified")
    return Finding("bad", f"sender {sender}", "is not verified in SES", f"verify {domain} in SES")


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
    logged = attributes.get("DeliveryStatusIAMRole")
    yield (
        Finding("ok", "SMS delivery status", "is logged")
        if logged
        else Finding(
            "warn", "SMS delivery status", "is not logged", "set a delivery status role in SNS"
        )
    )
    sandbox = sns.get_sms_sandbox_account_status().get("IsInSandbox")
    yield (
        Finding("bad", "SMS access", "sandbox: only verified numbers", "leave the SMS sandbox")
        if sandbox
        else Finding("ok", "SMS access", "production")
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
