"""Every events/*.json through its handler: what it does, and that its log names nobody."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from escalon.domain.account import Account, Consent, ContactPoint, Receivable
from escalon.domain.storage import Change, Stored
from escalon_cli.replay.play import verify_senders
from tests.functions.conftest import NOW, Aws
from tests.stack.test_stack_collects import BOOK, BOOK_MAPPING
from tests.template.cloudformation import PROJECT

EVENTS = PROJECT / "events"

# Three debtors of the same age, told apart by how they can be reached.
EMAIL, SMS, TASK = "aevents0email", "aevents0sms", "aevents0task"
RUN = "2026-10-05T14:00:00Z"

PERSONAL = (
    *("Ana", "Beltrán", "Ospina", "71000001", "ana.beltran@example.com", "3000000701"),
    *("Beto", "Cárdenas", "71000002", "3000000702", "Carla", "Duarte", "71000003", "3000000703"),
    *("Distribuidora", "999900000", "cartera.0"),
)


def event(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / path).read_text(encoding="utf-8"))
    return found


def of_shard(path: str, rulebook: str) -> dict[str, Any]:
    """A shard's event for the rulebook that this test has published."""
    text = (EVENTS / path).read_text(encoding="utf-8").replace("RULEBOOK", rulebook)
    found: dict[str, Any] = json.loads(text)
    return found


def names_nobody(log: str) -> bool:
    return [word for word in PERSONAL if word in log] == []


def add_debtors(aws: Aws) -> None:
    consent = Consent(granted_on=date(2026, 1, 15), evidence="signed order")
    people = {
        EMAIL: ("Ana Beltrán Ospina", "71000001", "email", "ana.beltran@example.com", ()),
        SMS: ("Beto Cárdenas Ruiz", "71000002", "sms", "+573000000702", ()),
        TASK: ("Carla Duarte Peña", "71000003", "voice", "+573000000703", ("vip",)),
    }
    for account_id, (name, reference, channel, address, tags) in people.items():
        account = Account(
            account_id,
            reference,
            name,
            country="CO",
            zones=("America/Bogota",),
            language="es-CO",
            tags=tags,
            points=(ContactPoint("p1", channel, address, consent),),  # type: ignore[arg-type]
            receivables=(
                Receivable(
                    f"FA-{account_id}",
                    "andina",
                    f"FA-{account_id}",
                    date(2026, 9, 1),
                    date(2026, 10, 2),
                    "COP",
                    15_000_000,
                    15_000_000,
                    date(2026, 9, 1),
                ),
            ),
        )
        stored = Stored(Account(account_id, reference, ""), 0)
        aws.deployed.table.update(Change(stored, account, NOW, ()))


@pytest.fixture
def escalated(aws: Aws) -> Aws:
    """A run has planned a contact for each of the three debtors."""
    add_debtors(aws)
    aws.invoke("Escalate", of_shard("escalate/shard.json", aws.rulebook.version))
    return aws


# ---------------------------------------------------------------------------------------- sweep


def test_sweep_starts_the_run_of_its_scheduled_time(aws: Aws) -> None:
    done = aws.invoke("Sweep", event("sweep/scheduled.json"))
    assert done.answer == {"run_id": RUN, "rulebook": aws.rulebook.version, "shards": 1}
    assert aws.messages_in("EscalateQueue") == [
        {
            "run_id": RUN,
            "as_of": RUN,
            "rulebook": aws.rulebook.version,
            "shard": "due#000",
            "hop": 0,
            "rollout": None,
        }
    ]
    assert done.counted("Sweeps") == 1


def test_sweep_takes_the_time_of_arrival_for_a_placeholder(aws: Aws) -> None:
    done = aws.invoke("Sweep", event("sweep/placeholder.json"))
    assert done.answer["run_id"] == RUN  # the clock's time
    assert len(aws.messages_in("EscalateQueue")) == 1


def test_sweep_drops_an_event_that_comes_too_late(aws: Aws) -> None:
    done = aws.invoke("Sweep", event("sweep/too_late.json"))
    assert done.answer == {"dropped": True}
    assert aws.messages_in("EscalateQueue") == []
    assert done.said("event_too_late")[0]["scheduled_at"] == "2026-10-05T13:30:00Z"
    assert done.counted("Sweeps") == 0


def test_sweep_of_a_fresh_stack_says_what_is_missing(aws: Aws) -> None:
    aws.make_application("unpublished")
    done = aws.invoke("Sweep", event("sweep/scheduled.json"))
    assert done.answer == {"no_rulebook": True}
    (line,) = done.said("no_rulebook_in_force")
    assert line["remedy"] == "escalon rules publish"
    assert (done.counted("Sweeps"), done.counted("SweepsWithoutRulebook")) == (0, 1)
    assert aws.messages_in("EscalateQueue") == []


# ------------------------------------------------------------------------------------- escalate


def test_escalate_plans_a_contact_for_each_who_is_due(aws: Aws) -> None:
    add_debtors(aws)
    done = aws.invoke("Escalate", of_shard("escalate/shard.json", aws.rulebook.version))
    assert done.answer == {"batchItemFailures": []}
    (line,) = done.said("shard_looked_at")
    assert (line["looked_at"], line["acted"], line["failed"]) == (3, 3, 0)
    queued = {
        queue: [message["account_id"] for message in aws.messages_in(queue)]
        for queue in ("EmailQueue", "SmsQueue", "TaskQueue")
    }
    assert queued == {"EmailQueue": [EMAIL], "SmsQueue": [SMS], "TaskQueue": [TASK]}
    assert names_nobody(done.log)


def test_escalate_goes_on_where_it_handed_over(aws: Aws) -> None:
    add_debtors(aws)
    aws.invoke("Escalate", of_shard("escalate/handed_over.json", aws.rulebook.version))
    (done,) = aws.deployed.table.documents(f"RUN#{RUN}", "S#")
    assert done == {"shard": "due#000", "hops": 3}


def test_escalate_gives_back_a_message_that_it_cannot_read(aws: Aws) -> None:
    done = aws.invoke("Escalate", event("escalate/unreadable.json"))
    assert done.answer == {
        "batchItemFailures": [{"itemIdentifier": "19dd0b57-b21e-4ac1-bd88-01bbb068cb80"}]
    }


def test_escalate_says_kind_and_place_of_what_failed(aws: Aws) -> None:
    done = aws.invoke("Escalate", of_shard("escalate/shard.json", "no-such-rulebook"))
    assert len(done.answer["batchItemFailures"]) == 1
    (line,) = done.said("shard_failed")
    assert line["error"] == "NoDocumentError"
    assert line["raised_at"].startswith("documents.py:")


def test_escalate_sets_an_unreadable_account_aside_and_names_nobody(aws: Aws) -> None:
    add_debtors(aws)
    aws.client("dynamodb").update_item(
        TableName=aws.physical["ReceivablesTable"],
        Key={"pk": {"S": f"A#{SMS}"}, "sk": {"S": "A"}},
        UpdateExpression="SET #doc = :doc",
        ExpressionAttributeNames={"#doc": "doc"},
        ExpressionAttributeValues={":doc": {"S": '{"name": "Beto Cárdenas", "kind": "71000002"}'}},
    )
    done = aws.invoke("Escalate", of_shard("escalate/shard.json", aws.rulebook.version))
    (line,) = done.said("shard_looked_at")
    assert (line["looked_at"], line["acted"], line["failed"]) == (3, 2, 1)
    (line,) = done.said("account_failed")
    assert line["account_id"] == SMS
    assert line["service"] == "escalate"
    assert done.counted("Failed") == 1
    assert names_nobody(done.log)


# -------------------------------------------------------------------------------------- deliver


def test_deliver_sends_the_planned_email_once(escalated: Aws) -> None:
    done = escalated.invoke("DeliverEmail", event("deliver/email.json"))
    assert done.answer == {"batchItemFailures": []}
    assert [line["became"] for line in done.said("delivered")] == ["sent"]
    (email,) = escalated.sent("ses/messages")
    assert email["To"] == ["ana.beltran@example.com"]
    assert done.counted("Delivery_sent") == 1
    assert names_nobody(done.log)

    again = escalated.invoke("DeliverEmail", event("deliver/email.json"))
    assert [line["became"] for line in again.said("delivered")] == ["gone"]
    assert len(escalated.sent("ses/messages")) == 1


def test_deliver_sends_the_planned_sms_once(escalated: Aws) -> None:
    done = escalated.invoke("DeliverSms", event("deliver/sms.json"))
    assert [line["became"] for line in done.said("delivered")] == ["sent"]
    (text,) = escalated.sent("sns/sms-messages")
    assert text["PhoneNumber"] == "+573000000702"
    assert names_nobody(done.log)

    escalated.invoke("DeliverSms", event("deliver/sms.json"))
    assert len(escalated.sent("sns/sms-messages")) == 1


def test_deliver_opens_the_planned_task_once(escalated: Aws) -> None:
    for became in ("opened", "gone"):
        done = escalated.invoke("OpenTask", event("deliver/task.json"))
        assert [line["became"] for line in done.said("delivered")] == [became]
        assert names_nobody(done.log)
    tasks = list(escalated.deployed.table.listed("tasks"))
    assert [(task["account_id"], task["kind"], task["step"]) for task in tasks] == [
        (TASK, "call", "vip-call")
    ]


def test_deliver_of_a_sender_that_is_not_verified_sends_nothing_and_says_so(
    escalated: Aws,
) -> None:
    escalated.client("sesv2").delete_email_identity(EmailIdentity="cuentas@andina.example.com")
    try:
        done = escalated.invoke("DeliverEmail", event("deliver/email.json"))
    finally:
        verify_senders(escalated.deployed, escalated.rulebook)
    assert escalated.sent("ses/messages") == []
    assert done.said("delivered") == [] or done.said("delivered")[0]["became"] != "sent"
    assert names_nobody(done.log)


# --------------------------------------------------------------------------------------- import


def _upload(aws: Aws, mapping: str, text: str, key: str, body: bytes) -> None:
    aws.deployed.documents.put(f"mappings/{mapping}.yaml", text.encode())
    aws.deployed.documents.put(key, body)


def _book(aws: Aws) -> None:
    _upload(aws, "book", BOOK_MAPPING, "inbox/book/octubre 2026 (ñ).csv", BOOK.encode())


def test_import_takes_a_csv_whose_name_s3_has_encoded(aws: Aws) -> None:
    _book(aws)
    done = aws.invoke("ImportReceivables", event("import_receivables/csv.json"))
    assert done.answer["state"] == "done"
    report = json.loads(aws.deployed.documents.get("inbox/book/octubre 2026 (ñ).csv.report.json"))
    assert (report["rows"], report["taken"], report["refused"]) == (3, 3, 0)
    assert len(list(aws.deployed.table.all_accounts())) == 3
    assert names_nobody(done.log)


def test_import_of_the_same_upload_twice_is_one_import(aws: Aws) -> None:
    _book(aws)
    first = aws.invoke("ImportReceivables", event("import_receivables/csv.json"))
    versions = {s.account.account_id: s.version for s in aws.deployed.table.all_accounts()}
    again = aws.invoke("ImportReceivables", event("import_receivables/handed_over.json"))
    assert again.answer == first.answer
    assert {s.account.account_id: s.version for s in aws.deployed.table.all_accounts()} == versions


def test_import_takes_a_spreadsheet(aws: Aws) -> None:
    samples = PROJECT / "samples"
    _upload(
        aws,
        "small_mapping",
        (samples / "small_mapping.yaml").read_text(encoding="utf-8"),
        "inbox/small_mapping/small.xlsx",
        Path(samples / "small.xlsx").read_bytes(),
    )
    done = aws.invoke("ImportReceivables", event("import_receivables/xlsx.json"))
    assert done.answer["state"] == "done"
    assert len(list(aws.deployed.table.all_accounts())) == 6
    assert names_nobody(done.log)


def test_import_of_a_snapshot_that_lacks_much_of_the_book_asks_and_is_approved(aws: Aws) -> None:
    snapshot = BOOK_MAPPING.replace("type: changes", "type: snapshot")
    _upload(aws, "whole", snapshot, "inbox/whole/whole.csv", BOOK.encode())
    aws.invoke("ImportReceivables", event("import_receivables/snapshot.json"))
    header_and_ana = "\n".join(BOOK.splitlines()[:2]) + "\n"
    _upload(aws, "whole", snapshot, "inbox/whole/whole.csv", header_and_ana.encode())
    second = event("import_receivables/snapshot.json")
    second["Records"][0]["s3"]["object"]["sequencer"] = "0055AED6DCD90281E8"
    asked = aws.invoke("ImportReceivables", second)
    assert asked.answer["state"] == "asks"

    approve = event("import_receivables/approve.json")
    approve["approve"] = asked.answer["import_id"]
    done = aws.invoke("ImportReceivables", approve)
    assert done.answer["state"] == "done"
    held = [s for s in aws.deployed.table.all_accounts() if s.account.holds]
    assert len(held) == 2
    assert names_nobody(asked.log + done.log)


def test_approving_what_does_not_ask_says_so(aws: Aws) -> None:
    done = aws.invoke("ImportReceivables", event("import_receivables/approve.json"))
    assert done.answer["errorMessage"] == "no import IMPORT waits for an answer"


# ------------------------------------------------------------------------------- record_history


def test_record_history_keeps_facts_once_however_often_they_come(aws: Aws) -> None:
    for _ in range(2):
        done = aws.invoke("RecordHistory", event("record_history/with_facts.json"))
        assert done.answer == {"facts": 2}
        assert names_nobody(done.log)
    facts = list(aws.deployed.history.of("aeventsaccount00000000000"))
    assert [fact["fact"] for fact in facts] == ["held", "decided"]


def test_record_history_passes_over_what_has_no_facts(aws: Aws) -> None:
    done = aws.invoke("RecordHistory", event("record_history/without_facts.json"))
    assert done.answer == {"facts": 0}


# ---------------------------------------------------------------------------------- the corpus


def test_every_event_is_used_here_and_told_of_in_the_readme() -> None:
    sources = Path(__file__).parent.glob("test_*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in sources)
    readme = (EVENTS / "README.md").read_text(encoding="utf-8")
    paths = sorted(str(path.relative_to(EVENTS)) for path in EVENTS.rglob("*.json"))
    assert len(paths) >= 24
    assert [path for path in paths if f'"{path}"' not in source] == []
    assert [path for path in paths if f"`{path}`" not in readme] == []
