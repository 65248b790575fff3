"""Each creditor's sender in SES: what the doctor sees, and what it makes."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.rules.rulebook import Rulebook
from escalon_cli import senders
from escalon_cli.deployed import Deployed
from tests.functions.test_carriers_served import Carriers
from tests.functions.test_carriers_served import carriers as carriers  # the fixture
from tests.functions.test_carriers_served import deployed as deployed_of

RULEBOOK = load_rulebook(Path(__file__).parents[1] / "usecases" / "rulebook", try_messages=False)


@pytest.fixture
def stack(carriers: Carriers, endpoint: str) -> Deployed:
    return deployed_of(carriers, endpoint)


def owed_to(sender: str, *, own: bool) -> Rulebook:
    """A rulebook of one creditor, who writes from there."""
    (_, andina), *_ = RULEBOOK.creditors.items()
    andina = replace(andina, email_from=sender, own_configuration_set=own)
    return replace(RULEBOOK, creditors={"andina": andina})


def test_a_sender_and_its_own_set_are_made_once_and_then_well(stack: Deployed) -> None:
    rules = owed_to("cuentas@own-set.example.net", own=True)
    ses = stack.client("sesv2")
    own = f"{stack.outputs['EmailConfigurationSet']}_andina"
    before = {what: (state, remedy) for state, what, _, remedy in senders.examine(stack, rules)}
    assert before == {
        "sender cuentas@own-set.example.net": ("bad", "escalon doctor --fix"),
        "configuration set of andina": ("bad", "escalon doctor --fix"),
    }
    for _ in range(2):  # made twice, it changes nothing
        senders.fix(stack, rules)
    assert ses.get_email_identity(EmailIdentity="own-set.example.net")
    assert senders.events_of(stack, own) == ([], set())
    after = {what: (state, found) for state, what, found, _ in senders.examine(stack, rules)}
    assert after["configuration set of andina"] == ("ok", own)


def test_a_set_that_follows_readers_or_tells_too_little_is_seen(stack: Deployed) -> None:
    rules = owed_to("cuentas@followed.example.net", own=True)
    senders.fix(stack, rules)
    own = f"{stack.outputs['EmailConfigurationSet']}_andina"
    stack.client("sesv2").update_configuration_set_event_destination(
        ConfigurationSetName=own,
        EventDestinationName="feedback",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": [*senders.TOLD, "OPEN"],
            "SnsDestination": {"TopicArn": stack.outputs["FeedbackTopicArn"]},
        },
    )
    found = {what: (state, said) for state, what, said, _ in senders.examine(stack, rules)}
    assert found["configuration set of andina"] == (
        *("bad", "opens or clicks are followed, which rewrites every link"),
    )


def test_a_name_that_ses_cannot_take_is_told_and_not_tried(stack: Deployed) -> None:
    rules = owed_to("cuentas@long.example.net", own=True)
    stack.outputs["EmailConfigurationSet"] = "escalon-" + "x" * 50
    senders.fix(stack, rules)
    found = {what: said for _, what, said, _ in senders.examine(stack, rules)}
    assert found["configuration set of andina"].endswith("_andina is too long")


class Ses:
    """SES with one identity, as far as the doctor asks for it."""

    def __init__(self, **identity: Any) -> None:
        self.identity = identity

    def get_email_identity(self, *, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803, ARG002 - boto3's
        return self.identity


@pytest.mark.parametrize(
    ("dkim", "said"),
    [
        ({"Status": "SUCCESS", "SigningEnabled": True, "Tokens": ["t1"]}, []),
        (
            {"Status": "PENDING", "SigningEnabled": True, "Tokens": ["t1", "t2"]},
            [
                (
                    "bad",
                    "DKIM of example.com",
                    "is pending",
                    "add to its DNS: t1._domainkey.example.com CNAME t1.dkim.amazonses.com; "
                    "t2._domainkey.example.com CNAME t2.dkim.amazonses.com",
                )
            ],
        ),
        (
            {"Status": "SUCCESS", "SigningEnabled": False, "Tokens": ["t1"]},
            [
                (
                    *("bad", "DKIM of example.com", "is switched off"),
                    "switch it on for example.com in SES",
                )
            ],
        ),
    ],
)
def test_mail_that_is_not_signed_in_the_creditors_name_is_seen(
    dkim: dict[str, Any], said: list[tuple[str, ...]]
) -> None:
    ses = Ses(VerifiedForSendingStatus=True, DkimAttributes=dkim)
    outputs = {"EmailConfigurationSet": "set"}
    stack = Deployed("test", outputs, lambda _: ses)
    found = list(senders.examine(stack, owed_to("c@example.com", own=False)))
    assert found[0] == ("ok", "sender c@example.com", "c@example.com is verified", "")
    assert found[1:] == said


def test_a_sender_that_waits_for_its_dns_says_what_belongs_there() -> None:
    ses = Ses(VerifiedForSendingStatus=False, DkimAttributes={"Tokens": ["t1"]})
    stack = Deployed("test", {"EmailConfigurationSet": "set"}, lambda _: ses)
    (found,) = senders.examine(stack, owed_to("c@example.com", own=False))
    assert found == (
        *("bad", "sender c@example.com", "is not verified in SES"),
        "add to its DNS: t1._domainkey.example.com CNAME t1.dkim.amazonses.com",
    )
