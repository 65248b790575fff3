"""Deliver: the last look, one contact an intent, and what the providers' answers come to."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.email import Email
from escalon.adapters.sms import Sms
from escalon.adapters.table import Table
from escalon.authoring.rulebook import sealed
from escalon.domain.account import Account, Hold
from escalon.domain.rules.rulebook import InterestTerms, PaymentProvider, Payments, Rate, RateTable
from escalon.domain.storage import Change, instant
from escalon.usecases.contact.couriers import EmailCourier, SmsCourier
from escalon.usecases.contact.deliver import Deliver, TryLaterError
from escalon.usecases.messages_between import ToDeliver
from escalon.usecases.payments.ledger_writes import all_open
from escalon.usecases.payments.payment_link import Links
from escalon.usecases.runs import feeds
from tests.contact_law.table import policy_of
from tests.doubles.crashing import Crash, Crashing, Faults
from tests.doubles.world import NOW, TABLE, OneRulebook, World, debtor, point, receivable, rulebook

QUARTER = timedelta(minutes=15)


def planned(account: Account | None = None, at: datetime = NOW) -> tuple[World, ToDeliver]:
    """A world in which one contact is planned, and its queue message."""
    world = World(at)
    world.put(account or debtor(), at - timedelta(hours=1))
    world.sweep()(at)
    world.work_off("escalate")
    (name,) = world.waiting()
    return world, msgspec.json.decode(world.sqs.queues[name][0], type=ToDeliver)


def change(world: World, account: Account) -> None:
    """Somebody else changes the account."""
    stored = world.table.get(account.account_id)
    assert stored is not None
    world.table.update(Change(stored, account, NOW, ()))


def refused(code: str, status: int = 400, message: str = "") -> ClientError:
    about = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(about, "SendEmail")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ it is sent


def test_a_message_is_sent_with_the_bytes_that_were_kept_before() -> None:
    world, message = planned()
    order = Faults()
    assert world.deliver("email", order)(message) == "sent"
    assert order.calls.index("put_object") < order.calls.index("send_email")
    (call,) = world.ses.calls
    (document,) = world.messages()
    kept, _ = world.s3.objects[document["kept_at"]]
    assert call["Content"]["Raw"]["Data"] == kept
    assert call["Destination"] == {"ToAddresses": ["ana@example.com"]}
    assert call["FromEmailAddress"] == "cuentas@andina.example.com"
    assert {"Name": "message_id", "Value": message.intent_id} in call["EmailTags"]
    assert document["receivables"] == [
        {
            "receivable_id": "r1",
            "open_minor": 100_000_00,
            "currency": "COP",
            "due_on": "2026-09-04",
            "days_past_due": 3,
        }
    ]
    assert document["local_at"] == "2026-09-07T10:00:00-05:00"
    account = world.account()
    assert account.receivables[0].steps["friendly"].state == "sent"
    assert [c.message_id for c in account.contacts] == [message.intent_id]
    assert [f["fact"] for f in world.facts("a1")] == ["decided", "claimed", "sent"]


TUESDAY = NOW + timedelta(days=1)  # Monday is Labor Day


def in_the_united_states(*, gives: tuple[str, ...] = ()) -> World:
    """Somebody owes three debts. Of r2 we spoke three weeks ago and gave no notice."""
    world = World(TUESDAY)
    law = {"*": policy_of("US")}
    (ladder,) = rulebook().strategies
    steps = tuple(replace(step, gives=gives) for step in ladder.steps)
    ladders = (replace(ladder, steps=steps),)
    by = sealed(replace(rulebook(), contact_policies=law, strategies=ladders))
    world.rulebooks = OneRulebook(by)
    spoken = replace(receivable("r2"), first_contact_at=TUESDAY - timedelta(days=21))
    debts = receivable("r1", late=4), spoken, receivable("r3", late=2)
    world.put(debtor("a1", *debts, points=(point("email"),)))
    return world


def test_a_message_does_not_ask_for_a_debt_on_which_the_law_bars_asking() -> None:
    """12 CFR 1006.34 and 1006.38"""
    world = in_the_united_states()
    world.run(TUESDAY)
    (document,) = world.messages()
    assert [line["receivable_id"] for line in document["receivables"]] == ["r1", "r3"]
    first = {r.receivable_id: r.first_contact_at for r in world.account().receivables}
    assert first == {"r1": TUESDAY, "r2": TUESDAY - timedelta(days=21), "r3": TUESDAY}
    (decided,) = (f for f in world.facts("a1") if f["fact"] == "decided")
    (reason,) = (r for r in decided["reasons"] if r["code"] == "not_asked_for")
    assert reason["params"]["receivable"] == "r2"


def test_a_notice_is_written_down_for_every_debt_that_its_message_shows() -> None:
    world = in_the_united_states(gives=("validation_notice",))
    world.run(TUESDAY)
    (document,) = world.messages()
    assert len(document["receivables"]) == 3
    account = world.account()
    noticed = {
        r.receivable_id: [(n.intent_id, n.state, n.gives) for n in r.noticed]
        for r in account.receivables
    }
    gave = [(document["message_id"], "sent", ("validation_notice",))]
    assert noticed == {"r1": [], "r2": gave, "r3": gave}
    assert account.receivables[0].steps["friendly"].gives == ("validation_notice",)
    assert account.intents == ()


def test_an_sms_is_sent_by_sns() -> None:
    world, message = planned(debtor(points=(point("sms"),)))
    assert world.deliver("sms")(message) == "sent"
    (call,) = world.sns.calls
    assert call["PhoneNumber"] == "+573000000001"
    (document,) = world.messages()
    assert world.s3.objects[document["kept_at"]][0].decode() == call["Message"]
    assert document["segments"] >= 1


def test_a_task_is_opened_for_a_person() -> None:
    world, message = planned(debtor("a1", receivable(late=21)))
    assert world.deliver("task")(message) == "opened"
    (task,) = world.tasks()
    assert (task["kind"], task["script"], task["step"]) == ("call", "firm_call", "call")
    assert task["due_at"] == "2026-09-10T15:00:00Z"
    assert [t["task_id"] for t in world.table.listed("tasks")] == [message.intent_id]


def test_the_clock_is_asked_at_the_look_before_the_provider_and_at_the_record() -> None:
    world, message = planned()
    world.clock.looks = 0
    world.deliver("email")(message)
    assert world.clock.looks == 3


# ---------------------------------------------------------------- the last look (invariant 2)


def paid(account: Account) -> Account:
    return replace(account, receivables=())


def disputed(account: Account) -> Account:
    hold = Hold("dispute:r1", "dispute", NOW.date(), None, "r1")
    return replace(account, holds=(hold,))


def held(account: Account) -> Account:
    return replace(account, holds=(Hold("h", "dispute", NOW.date()),))


def mostly_paid(account: Account) -> Account:
    (owed,) = account.receivables
    return replace(account, receivables=(replace(owed, open_minor=19_999_99),))


def moved_away(account: Account) -> Account:
    return replace(account, points=())


@pytest.mark.parametrize("what", [paid, disputed, held, mostly_paid, moved_away])
def test_l7_what_happens_between_decision_and_delivery_stops_the_message(what: object) -> None:
    assert callable(what)
    world, message = planned()
    change(world, what(world.account()))
    assert world.deliver("email")(message) == "withdrawn"
    assert world.ses.calls == []
    assert world.messages() == []
    account = world.account()
    assert account.intents == ()
    assert account.contacts == ()
    assert all(not r.steps for r in account.receivables)  # the step is not used up
    assert [f["fact"] for f in world.facts("a1")][-1] == "withdrawn"


def test_l7_a_paid_account_leaves_the_due_index_and_others_stay_in_it() -> None:
    world, message = planned()
    change(world, paid(world.account()))
    world.deliver("email")(message)
    assert "due_shard" not in world.all_items()["A#a1", "A"]
    world, message = planned()
    change(world, disputed(world.account()))
    world.deliver("email")(message)
    assert "due_shard" in world.all_items()["A#a1", "A"]


@pytest.mark.parametrize(
    ("at", "became"),
    [
        (datetime(2026, 9, 7, 22, 59, 59, tzinfo=UTC), "sent"),
        (datetime(2026, 9, 7, 23, 0, 0, tzinfo=UTC), "withdrawn"),
        (datetime(2026, 9, 7, 23, 0, 1, tzinfo=UTC), "withdrawn"),
    ],
)
def test_l7_the_window_closes_at_18_between_decision_and_delivery(
    at: datetime, became: str
) -> None:
    world, message = planned()
    world.clock.at = at
    assert world.deliver("email")(message) == became
    assert len(world.ses.calls) == (1 if became == "sent" else 0)
    if became == "withdrawn":
        (fact,) = world.facts("a1", "withdrawn")
        assert fact["refusals"][0]["next_allowed_at"] == "2026-09-08T13:00:00Z"
        assert world.all_items()["A#a1", "A"]["look_at"] == {"S": "2026-09-08T13:00:00Z"}


def test_money_between_the_look_and_the_claim_makes_it_look_again() -> None:
    world, message = planned()
    faults = Faults(3, "after", instead=lambda: change(world, paid(world.account())))
    assert world.deliver("email", faults)(message) == "withdrawn"
    assert world.ses.calls == []


def test_a_message_says_what_is_open_at_the_last_look() -> None:
    world, message = planned()
    (owed,) = world.account().receivables
    change(world, replace(world.account(), receivables=(replace(owed, open_minor=50_000_00),)))
    assert world.deliver("email")(message) == "sent"
    (document,) = world.messages()
    assert document["receivables"][0]["open_minor"] == 50_000_00


@pytest.mark.parametrize(("seconds", "tries"), [(1, 1), (2, 1), (3, 2)])
def test_a_function_that_was_frozen_before_the_provider_looks_again(
    seconds: int, tries: int
) -> None:
    world, message = planned()
    world.clock.then.extend([NOW, NOW + timedelta(seconds=seconds)])
    calls = Faults()
    assert world.deliver("email", calls)(message) == "sent"
    assert calls.calls.count("get_item") == 2 * tries  # the account, and what is stopped
    assert len(world.ses.calls) == 1
    assert len(world.facts("a1", "released")) == tries - 1


def test_a_function_that_is_always_frozen_gives_up_and_sends_nothing() -> None:
    world, message = planned()
    late = [NOW, NOW + timedelta(seconds=5)]
    world.clock.then.extend(late * 4)
    with pytest.raises(TryLaterError):
        world.deliver("email")(message)
    assert world.ses.calls == []
    (intent,) = world.account().intents
    assert intent.state == "planned"
    assert world.account().contacts == ()
    assert [m["state"] for m in world.messages()] == ["released"]


# --------------------------------------------------------------------- twice (invariant 1)


def test_l2_a_message_that_comes_again_sends_nothing() -> None:
    world, message = planned()
    assert world.deliver("email")(message) == "sent"
    assert world.deliver("email")(message) == "gone"
    assert len(world.ses.calls) == 1


def test_l2_a_message_that_is_being_sent_by_somebody_else_is_left_to_them() -> None:
    world, message = planned()
    became: list[str] = []
    inside = Faults(5, "before", instead=lambda: became.append(world.deliver("email")(message)))
    assert world.deliver("email", inside)(message) == "sent"
    assert became == ["under_way"]
    assert len(world.ses.calls) == 1


def test_l2_of_two_that_look_at_once_one_claims() -> None:
    world, message = planned()
    became: list[str] = []
    inside = Faults(3, "after", instead=lambda: became.append(world.deliver("email")(message)))
    assert world.deliver("email", inside)(message) == "gone"
    assert became == ["sent"]
    assert len(world.ses.calls) == 1


# ------------------------------------------------------------------ the provider's answers


@pytest.mark.parametrize(
    "answer",
    [
        refused("TooManyRequestsException", 429),
        refused("AccessDeniedException", 403),
        refused("MessageRejected", message="Email address is not verified."),
        refused("SignatureDoesNotMatch"),
        EndpointConnectionError(endpoint_url="https://email"),
    ],
)
def test_what_was_not_taken_is_planned_again_and_sent_once_later(answer: Exception) -> None:
    world, message = planned()
    world.ses.answers.append(answer)
    with pytest.raises(TryLaterError):
        world.deliver("email")(message)
    account = world.account()
    assert account.intents[0].state == "planned"
    assert account.contacts == ()  # it reached nobody, so it does not count
    assert [m["state"] for m in world.messages()] == ["released"]
    assert world.deliver("email")(message) == "sent"
    assert len(world.ses.calls) == 1
    assert [m["state"] for m in world.messages()] == ["sent"]


def test_l10_what_is_refused_goes_on_by_the_next_channel_and_uses_no_step_up() -> None:
    world, message = planned()
    world.ses.answers.append(refused("MessageRejected"))
    assert world.deliver("email")(message) == "failed"
    account = world.account()
    assert account.receivables[0].steps["friendly"].tried == ("email",)
    assert [c.reached for c in account.contacts] == [False]
    assert [m["state"] for m in world.messages()] == ["failed"]
    world.run(NOW + QUARTER)
    assert len(world.sns.calls) == 1
    assert world.account().receivables[0].steps["friendly"].state == "sent"


def test_l10_a_number_that_the_provider_blames_is_marked() -> None:
    world, message = planned(debtor(points=(point("sms"),)))
    said = "Invalid parameter: PhoneNumber Reason: +573000000701 is not valid to publish to"
    world.sns.answers.append(refused("InvalidParameter", message=said))
    assert world.deliver("sms")(message) == "failed"
    assert world.account().points[0].failed == "InvalidParameter"
    world.run(NOW + QUARTER)
    assert [t["kind"] for t in world.tasks()] == ["data_repair"]


def test_l10_a_number_is_not_marked_for_what_is_wrong_elsewhere() -> None:
    world, message = planned(debtor(points=(point("sms"),)))
    said = "Invalid parameter: SenderID Reason: must be 1-11 alpha-numeric characters"
    world.sns.answers.append(refused("InvalidParameter", message=said))
    assert world.deliver("sms")(message) == "failed"
    assert world.account().points[0].failed == ""


@pytest.mark.parametrize(
    "answer", [ReadTimeoutError(endpoint_url="https://email"), refused("InternalFailure", 500)]
)
def test_l2_what_nobody_knows_is_never_sent_again_and_goes_to_a_person(answer: Exception) -> None:
    world, message = planned()
    world.ses.answers.append(answer)
    assert world.deliver("email")(message) == "unknown"
    assert world.deliver("email")(message) == "under_way"
    (claimed,) = world.messages()
    assert claimed["state"] == "sending"
    for number in range(1, 5):
        world.run(NOW + QUARTER * number)
    assert world.ses.calls == []
    assert world.sns.calls == []
    (task,) = world.tasks()
    assert (task["kind"], task["about"]) == ("unknown_fate", message.intent_id)
    assert [m["state"] for m in world.messages()] == ["unknown"]
    assert world.account().receivables[0].steps["friendly"].state == "unknown"


@pytest.mark.parametrize(("seconds", "flagged"), [(-1, False), (0, True), (1, True)])
def test_a_message_is_given_fifteen_minutes_before_a_person_is_told(
    seconds: int, flagged: bool
) -> None:
    world, message = planned()
    world.ses.answers.append(ReadTimeoutError(endpoint_url="https://email"))
    world.deliver("email")(message)
    world.run(NOW + QUARTER + timedelta(seconds=seconds))
    assert bool(world.tasks()) is flagged


def test_l2_money_that_comes_while_it_is_recorded_is_not_lost() -> None:
    """The record finds another version of the account: it keeps both."""
    world, message = planned()
    (owed,) = world.account().receivables
    less = replace(owed, open_minor=60_000_00)

    def part_payment() -> None:
        change(world, replace(world.account(), receivables=(less,)))

    assert world.deliver("email", Faults(5, "after", instead=part_payment))(message) == "sent"
    account = world.account()
    assert account.receivables[0].open_minor == 60_000_00
    assert account.receivables[0].steps["friendly"].state == "sent"


def test_an_answer_that_comes_after_a_person_was_told_is_kept() -> None:
    world, message = planned()
    late = NOW + QUARTER

    def meanwhile() -> None:
        world.run(late)

    assert world.deliver("email", Faults(5, "after", instead=meanwhile))(message) == "unknown"
    (document,) = world.messages()
    assert document["provider_message_id"] == "provider-1"
    assert ("recorded_late", {"intent_id": message.intent_id, "became": "sent"}) in world.reports


# --------------------------------------------------------------------------- what is wrong


def broken_rulebook(template: str) -> OneRulebook:
    rules = rulebook()
    messages = {**rules.messages["en"], "friendly": template}
    wrong = replace(rules, messages={**rules.messages, "en": messages}, version="wrong")
    return OneRulebook(wrong)


def test_a_template_that_fails_goes_to_a_person_and_not_round_and_round() -> None:
    world = World()
    world.rulebooks = broken_rulebook("{% block subject %}{{ nobody_knows }}{% endblock %}")
    world.put(debtor())
    world.put(debtor("a2", receivable("r2", late=11)))
    for number in range(8):
        world.run(NOW + QUARTER * number)
    assert len(world.ses.calls) == 1  # the other account's, by another template
    assert world.account("a2").receivables[0].steps["firm"].state == "sent"
    assert world.sns.calls == []
    assert [(t["kind"], t["account_id"]) for t in world.tasks()] == [("data_repair", "a1")]
    told = [about for code, about in world.reports if code == "cannot_be_written"]
    assert len(told) == 2  # once a channel
    assert world.account().contacts == ()
    assert world.account().intents == ()
    assert world.failed == []


def test_a_creditor_that_the_rulebook_lost_goes_to_a_person() -> None:
    """A contact point, step or creditor that vanished is found at the last look or when writing."""
    world, message = planned()
    rules = rulebook()
    world.rulebooks = OneRulebook(replace(rules, creditors={}))
    assert world.deliver("email")(message) == "failed"
    assert ("cannot_be_written", {"intent_id": message.intent_id, "error": "KeyError"}) in (
        world.reports
    )


def test_a_package_that_is_missing_is_no_fault_of_the_message() -> None:
    world, message = planned()
    deliver = world.deliver("email")

    def prepare(*_: object) -> None:
        raise ImportError("jinja2")

    deliver._courier.prepare = prepare  # type: ignore[union-attr, method-assign]
    with pytest.raises(ImportError):
        deliver(message)
    assert world.account().intents[0].state == "planned"


@pytest.mark.parametrize("wrong", ["sms", "task"])
def test_a_dead_letter_in_the_wrong_queue_is_not_carried_out(wrong: str) -> None:
    world, message = planned()
    assert world.deliver(wrong)(message) == "misrouted"
    assert world.sns.calls == []
    assert world.tasks() == []
    assert world.account().intents[0].state == "planned"


def test_a_message_about_nobody_is_gone() -> None:
    world = World()
    assert world.deliver("email")(ToDeliver("nobody", "m1")) == "gone"


def test_no_report_names_the_debtor() -> None:
    world, message = planned()
    world.ses.answers.append(refused("MessageRejected", message="ana@example.com is bad"))
    world.deliver("email")(message)
    world.ses.answers.append(ReadTimeoutError(endpoint_url="https://email"))
    text = str(world.reports) + str(world.facts("a1"))
    assert "ana@example.com" not in text
    assert "Gómez" not in text


def test_a_claim_keeps_the_run_that_decided() -> None:
    """Otherwise the same run would count the account a second time."""
    world, message = planned()
    world.deliver("email")(message)
    assert world.all_items()["A#a1", "A"]["run"]["S"].startswith(
        f"{instant(NOW)}/due#000/w1/0000|act"
    )


# ------------------------------------------------------------------------------ its pay link

LINKS = Links(lambda: b"a key of this stack", "https://pay.example")
FIXED = "https://pagos.andina.example.com/doc-r1"


def planned_online(
    account: Account | None = None, currencies: tuple[str, ...] = ("COP",), creditor: str = "andina"
) -> tuple[World, ToDeliver]:
    """A contact is planned by a rulebook with a provider of this creditor for these currencies."""
    wompi = PaymentProvider("w", "wompi", "sandbox", creditor, currencies=currencies)
    world = World()
    world.rulebooks = OneRulebook(replace(rulebook(), payments=Payments(providers={"w": wompi})))
    world.put(account or debtor())
    world.sweep()(NOW)
    world.work_off("escalate")
    (name,) = world.waiting()
    return world, msgspec.json.decode(world.sqs.queues[name][0], type=ToDeliver)


def linking(
    world: World, channel: str = "email", faults: Faults | None = None, links: Links | None = LINKS
) -> Deliver:
    faults = faults or Faults()
    courier: EmailCourier | SmsCourier = (
        EmailCourier(Email(Crashing(world.ses, faults), "set"))
        if channel == "email"
        else SmsCourier(Sms(Crashing(world.sns, faults)))
    )
    table = Table(Crashing(world.dynamo, faults), TABLE, 1)
    documents = Documents(Crashing(world.s3, faults), "bucket")
    return Deliver(table, documents, world.rulebooks, world.clock, courier, world.report, links)


def told(world: World) -> str:
    """The words of the one e-mail that was sent."""
    (call,) = world.ses.calls
    body = message_from_bytes(call["Content"]["Raw"]["Data"], policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def links_of(world: World) -> dict[str, dict[str, object]]:
    return {
        pk: msgspec.json.decode(item["doc"]["S"])
        for (pk, _), item in world.all_items().items()
        if pk.startswith("LINK#")
    }


def test_a_message_leads_to_its_own_link_and_the_link_to_its_account() -> None:
    world, message = planned_online()
    assert linking(world)(message) == "sent"
    assert LINKS.url(message.intent_id) in told(world)
    assert FIXED not in told(world)
    assert links_of(world) == {
        f"LINK#{LINKS.code(message.intent_id)}": {
            "account_id": "a1",
            "creditor": "andina",
            "message_id": message.intent_id,
            "expires": "2026-12-06T15:00:00Z",
            "channel": "email",
        }
    }


def test_an_sms_carries_the_link_in_two_segments_at_most() -> None:
    world, message = planned_online(debtor(points=(point("sms"),)))
    assert linking(world, "sms")(message) == "sent"
    (call,) = world.sns.calls
    url = LINKS.url(message.intent_id)
    assert call["Message"].endswith(f"Pay or stop SMS: {url}")  # one link serves both
    (document,) = world.messages()
    assert document["segments"] == 2


@pytest.mark.parametrize(
    ("currencies", "creditor", "links"),
    [
        (("USD",), "andina", LINKS),  # not for this debt
        ((), "andina", LINKS),  # it tells of payments only
        (("COP",), "boreal", LINKS),  # somebody else's
        (("COP",), "andina", None),
    ],
)
def test_without_a_provider_for_the_debt_the_creditors_own_address_stays(
    currencies: tuple[str, ...], creditor: str, links: Links | None
) -> None:
    world, message = planned_online(None, currencies, creditor)
    assert linking(world, links=links)(message) == "sent"
    assert FIXED in told(world)
    # The debtor's own page is led to all the same: what is owed, what may be agreed, how to stop.
    own = LINKS.url(message.intent_id)
    assert (f"See your account: {own}\r\n" in told(world)) is (links is not None)
    assert (f"{own}/stop" in told(world)) is (links is not None)
    assert len(links_of(world)) == (1 if links else 0)


def test_a_provider_that_creditors_share_serves_each_of_them() -> None:
    world, message = planned_online(creditor="")
    linking(world)(message)
    assert LINKS.url(message.intent_id) in told(world)


def test_the_link_is_there_from_the_claim_on_and_never_without_one() -> None:
    """Whoever has the message can follow its link; a message that was stopped has none."""
    world, message = planned_online()
    with pytest.raises(Crash):
        linking(world, faults=Faults(5, "before"))(message)
    assert [m["state"] for m in world.messages()] == ["sending"]
    assert len(links_of(world)) == 1
    world, message = planned_online()
    change(world, paid(world.account()))
    assert linking(world)(message) == "withdrawn"
    assert links_of(world) == {}


def test_a_message_that_is_given_back_and_sent_later_keeps_its_link() -> None:
    world, message = planned_online()
    world.ses.answers.append(refused("ThrottlingException", 429))
    with pytest.raises(TryLaterError):
        linking(world)(message)
    before = set(links_of(world))
    world.clock.at = NOW + timedelta(hours=1)
    assert linking(world)(message) == "sent"
    assert set(links_of(world)) == before
    ((_, link),) = links_of(world).items()
    assert link["expires"] == "2026-12-06T16:00:00Z"


# ------------------------------------------------------------ interest, and feeds that are old


def in_force(**changed: object) -> OneRulebook:
    """The rulebook of the tests with something else."""
    return OneRulebook(sealed(replace(rulebook(), **changed)))


def charging(**months: int) -> OneRulebook:
    """andina charges the table's rate, of months written m2026_09 in millionths a year."""
    rates = {name[1:].replace("_", "-"): rate for name, rate in months.items()}
    table = RateTable("usura", {m: Rate(m, rate, "test") for m, rate in rates.items()})
    terms = InterestTerms("usura", currencies=("COP",))
    andina = replace(rulebook().creditors["andina"], interest=terms)
    creditors = {**rulebook().creditors, "andina": andina}
    return in_force(creditors=creditors, rates={"usura": table})


def test_a_message_and_the_ledger_say_the_same_interest_at_the_same_instant() -> None:
    world = World()
    world.rulebooks = charging(m2026_09=255_200)
    world.put(debtor("a1", receivable(open_minor=1_000_000_00)))
    world.run(NOW)
    (entry,) = world.table.entries("a1")
    # Three days past due, each of 62,291.97 minor units.
    assert (entry.kind, entry.component, entry.amount_minor) == ("interest", "interest", 186_875)
    (document,) = world.messages()
    assert document["receivables"][0]["open_minor"] == 100_186_875
    assert "Includes COP 1,868.75 of default interest" in " ".join(told(world).split())
    (owed,) = world.account().receivables
    assert (owed.open_minor, owed.principal_minor) == (100_186_875, 100_000_000)
    named = world.table.named_receivables([("a1", "r1")])["a1", "r1"].receivable
    assert named.open_minor == 100_186_875


@pytest.mark.parametrize(("debts", "before_the_claim"), [(8, 0), (9, 1), (60, 2), (200, 5)])
def test_interest_of_many_receivables_goes_before_in_transactions_of_its_own(
    debts: int, before_the_claim: int
) -> None:
    """In the claim it would be two items each, of a hundred that a transaction takes."""
    world, faults = World(), Faults()
    world.rulebooks = charging(m2026_09=255_200)
    world.owe(*(receivable(f"r{n:03d}", open_minor=1_000_000_00) for n in range(debts)))
    world.sweep()(NOW)
    world.work_off("escalate")
    world.take("email", faults)
    assert faults.calls.count("transact_write_items") == before_the_claim + 2  # claim and record
    assert world.waiting() == []
    assert len(world.ses.calls) == 1
    (message,) = world.messages()
    assert message["state"] == "sent"
    charged = [e.amount_minor for e in world.table.entries("a1") if e.kind == "interest"]
    assert charged == [186_875] * debts
    account = world.account()
    opened = [owed.open_minor for owed in all_open(world.table, account)]
    assert opened == [100_186_875] * debts
    assert account.intents == ()


def test_a_month_without_a_rate_charges_nothing_and_is_reported() -> None:
    world = World()
    world.rulebooks = charging(m2026_08=255_200)
    world.put(debtor())
    world.run(NOW)
    assert len(world.messages()) == 1
    assert world.table.entries("a1") == []
    assert ("rate_missing", {"month": "2026-09"}) in world.reports


def fed(hours_ago: int | None) -> World:
    """andina is told of payments by a bank's file, 36 hours old at most."""
    world = World()
    andina = replace(rulebook().creditors["andina"], feeds=("bank",))
    world.rulebooks = in_force(
        creditors={**rulebook().creditors, "andina": andina},
        payments=Payments(feeds={"bank": 36}),
    )
    if hours_ago is not None:
        feeds.told(world.table, "bank", NOW - timedelta(hours=hours_ago), None)
    world.put(debtor())
    return world


@pytest.mark.parametrize(("hours_ago", "sent"), [(None, 0), (37, 0), (36, 1), (35, 1)])
def test_l7_nobody_is_asked_while_the_payment_feed_is_old(hours_ago: int | None, sent: int) -> None:
    world = fed(hours_ago)
    world.run(NOW)
    assert len(world.messages()) == sent


def test_l7_a_feed_that_grows_old_on_the_way_stops_the_message() -> None:
    world = fed(36)
    world.sweep()(NOW)
    world.work_off("escalate")
    world.clock.at = NOW + timedelta(minutes=2)
    world.work_off()
    assert world.messages() == []
    (withdrawn,) = world.facts("a1", "withdrawn")
    assert [reason["code"] for reason in withdrawn["reasons"]] == [
        "step_due",
        "payments_not_fresh",
    ]


# ------------------------------------------------------------------------------ fees of steps


def with_fee(**fee: int) -> OneRulebook:
    """The step `friendly` costs something."""
    (strategy,) = rulebook().strategies
    steps = tuple(
        replace(step, fee_minor=fee) if step.step == "friendly" else step for step in strategy.steps
    )
    return in_force(strategies=(replace(strategy, steps=steps),))


def fees(world: World) -> list[tuple[str, int]]:
    return [(e.cause, e.amount_minor) for e in world.table.entries("a1") if e.kind == "fee"]


def test_l1_the_fee_of_a_step_is_charged_once_when_it_has_gone_out() -> None:
    world = World()
    world.rulebooks = with_fee(COP=12_000_00)
    world.put(debtor())
    world.run(NOW)
    assert fees(world) == [("fee of friendly", 1_200_000)]
    (owed,) = world.account().receivables
    assert (owed.open_minor, owed.extras, owed.charged) == (
        11_200_000,
        {"fee": 1_200_000},
        ("friendly",),
    )
    again = replace(owed, steps={})  # whatever makes the step go out once more
    stored = world.table.get("a1")
    assert stored is not None
    world.put(replace(stored.account, receivables=(again,), contacts=(), ladders={}))
    world.run(NOW + timedelta(days=1))
    assert len(world.ses.calls) == 2
    assert fees(world) == [("fee of friendly", 1_200_000)]


def test_a_message_that_reached_nobody_costs_nothing() -> None:
    world = World()
    world.rulebooks = with_fee(COP=12_000_00)
    world.put(debtor(points=(point("email"),)))
    world.ses.answers.append(refused("MessageRejected"))
    world.run(NOW)
    assert [m["state"] for m in world.messages()] == ["failed"]
    assert fees(world) == []


def test_a_currency_without_a_fee_pays_none() -> None:
    world = World()
    world.rulebooks = with_fee(USD=5_00)
    world.put(debtor())
    world.run(NOW)
    assert len(world.messages()) == 1
    assert fees(world) == []
