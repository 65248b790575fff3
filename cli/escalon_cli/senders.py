"""Who e-mails come from: each creditor's identity in SES, and the configuration set of its own.

A creditor's mail is signed by its own domain (DKIM), so that what one of them is blamed for does
not stick to the others. With `own_configuration_set` it also has suppression and reputation of its
own: a set beside the stack's, which tells the same topic what becomes of each message.
"""

from collections.abc import Iterator
from typing import Any, Literal

from botocore.exceptions import ClientError

from escalon.adapters.email import set_of
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli.deployed import Deployed

# As `doctor.Finding` has them: state, what was looked at, how it is, what to do.
type Found = tuple[Literal["ok", "warn", "bad"], str, str, str]

TOLD = ("SEND", "DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE")
# With these SES puts links and pictures of its own into every message.
_FOLLOWING = frozenset(("OPEN", "CLICK"))
_SUPPRESSED = ("BOUNCE", "COMPLAINT")
_LONGEST_NAME = 64  # of a configuration set


def examine(deployed: Deployed, rulebook: Rulebook) -> Iterator[Found]:
    """Every sender's identity and signature, and every configuration set that a creditor has."""
    ses = deployed.client("sesv2")
    for sender in _senders(rulebook):
        yield from _identity(ses, sender)
    for creditor, name in _own_sets(deployed, rulebook):
        yield _own_set(deployed, ses, creditor, name)


def fix(deployed: Deployed, rulebook: Rulebook) -> None:
    """Make what is missing: an identity with DKIM for each sender's domain, whose DNS an operator
    then completes, and the configuration sets. Nothing that is there is changed but a set's own
    destination."""
    ses = deployed.client("sesv2")
    for sender in _senders(rulebook):
        domain = sender.partition("@")[2]
        if _found(ses, sender) is None and _found(ses, domain) is None:
            signing = {"NextSigningKeyLength": "RSA_2048_BIT"}
            ses.create_email_identity(EmailIdentity=domain, DkimSigningAttributes=signing)
    for _, name in _own_sets(deployed, rulebook):
        if len(name) <= _LONGEST_NAME:
            _make_set(deployed, ses, name)


def events_of(deployed: Deployed, configuration_set: str) -> tuple[list[str], set[str]]:
    """What SES does not tell the stack's topic of mail by this set, and what it tells anybody that
    rewrites links."""
    told: set[str] = set()
    followed: set[str] = set()
    found = deployed.client("sesv2").get_configuration_set_event_destinations(
        ConfigurationSetName=configuration_set
    )
    for destination in found.get("EventDestinations", ()):
        if destination.get("Enabled"):
            kinds = set(destination["MatchingEventTypes"])
            followed |= kinds & _FOLLOWING
            topic = destination.get("SnsDestination", {}).get("TopicArn")
            if topic == deployed.outputs["FeedbackTopicArn"]:
                told |= kinds
    return sorted(set(TOLD) - told), followed


# -------------------------------------------------------------------------------------- inside


def _senders(rulebook: Rulebook) -> list[str]:
    return sorted({creditor.email_from for creditor in rulebook.creditors.values()})


def _own_sets(deployed: Deployed, rulebook: Rulebook) -> list[tuple[str, str]]:
    """Creditors that have a set of their own, and how it is called."""
    base = deployed.outputs["EmailConfigurationSet"]
    return [
        (name, set_of(base, name))
        for name, creditor in sorted(rulebook.creditors.items())
        if creditor.own_configuration_set
    ]


def _found(ses: Any, identity: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = ses.get_email_identity(EmailIdentity=identity)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return None
    return found


def _identity(ses: Any, sender: str) -> Iterator[Found]:
    domain = sender.partition("@")[2]
    what = f"sender {sender}"
    of_domain = _found(ses, domain)
    verified = next(
        (
            name
            for name, found in ((sender, _found(ses, sender)), (domain, of_domain))
            if found is not None and found.get("VerifiedForSendingStatus")
        ),
        "",
    )
    records = _dns_records(domain, of_domain)
    if verified:
        yield "ok", what, f"{verified} is verified", ""
    elif of_domain is None:
        yield "bad", what, "is not in SES", "escalon doctor --fix"
    else:
        yield "bad", what, "is not verified in SES", records or f"verify {domain} in SES"
    signing = (of_domain or {}).get("DkimAttributes", {})
    if verified and signing.get("Status") not in (None, "SUCCESS"):
        yield "bad", f"DKIM of {domain}", f"is {signing['Status'].lower()}", records
    elif verified and signing and not signing.get("SigningEnabled", True):
        yield "bad", f"DKIM of {domain}", "is switched off", f"switch it on for {domain} in SES"


def _dns_records(domain: str, found: dict[str, Any] | None) -> str:
    """What the domain's DNS has to say for SES to sign in its name."""
    tokens = (found or {}).get("DkimAttributes", {}).get("Tokens", ())
    if not tokens:
        return ""
    records = (f"{token}._domainkey.{domain} CNAME {token}.dkim.amazonses.com" for token in tokens)
    return "add to its DNS: " + "; ".join(records)


def _own_set(deployed: Deployed, ses: Any, creditor: str, name: str) -> Found:
    what = f"configuration set of {creditor}"
    if len(name) > _LONGEST_NAME:
        return "bad", what, f"{name} is too long", "give stack or creditor a shorter name"
    try:
        found = ses.get_configuration_set(ConfigurationSetName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return "bad", what, "there is none: its mail waits", "escalon doctor --fix"
    missing, followed = events_of(deployed, name)
    if missing:
        return "bad", what, f"not told: {', '.join(missing)}", "escalon doctor --fix"
    if followed:
        why = "opens or clicks are followed, which rewrites every link"
        return "bad", what, why, f"take them out of {name}"
    reasons = found.get("SuppressionOptions", {}).get("SuppressedReasons")
    if reasons is not None and set(reasons) != set(_SUPPRESSED):
        return "warn", what, "writes to addresses that have bounced", f"see {name} in SES"
    return "ok", what, name, ""


def _make_set(deployed: Deployed, ses: Any, name: str) -> None:
    """A set like the stack's own (template.yaml): TLS, suppression, no opens and no clicks."""
    try:
        ses.create_configuration_set(
            ConfigurationSetName=name,
            DeliveryOptions={"TlsPolicy": "REQUIRE"},
            ReputationOptions={"ReputationMetricsEnabled": True},
            SuppressionOptions={"SuppressedReasons": list(_SUPPRESSED)},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
    destination = {
        "Enabled": True,
        "MatchingEventTypes": list(TOLD),
        "SnsDestination": {"TopicArn": deployed.outputs["FeedbackTopicArn"]},
    }
    if not events_of(deployed, name)[0]:
        return
    of_set = {"ConfigurationSetName": name, "EventDestinationName": "feedback"}
    try:
        ses.create_configuration_set_event_destination(**of_set, EventDestination=destination)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        ses.update_configuration_set_event_destination(**of_set, EventDestination=destination)
