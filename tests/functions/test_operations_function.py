"""Brakes, undoing, exclusions and the audit log through their handler: what is answered and
logged."""

import json
from datetime import timedelta
from typing import Any

from escalon.domain.storage import instant
from escalon.usecases.runs.books import Page, Run
from escalon.usecases.runs.manage_brakes import read_brakes
from tests.functions.conftest import NOW, Aws, Invocation
from tests.functions.test_functions import EVENTS, SMS, add_debtors

OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operators/operator-1"


def asked(name: str, **stands_for: str) -> dict[str, Any]:
    text = (EVENTS / name).read_text(encoding="utf-8")
    for word, value in stands_for.items():
        text = text.replace(word, value)
    found: dict[str, Any] = json.loads(text)
    return found


def answer(done: Invocation) -> tuple[int, dict[str, Any]]:
    for word in ("operator-1", "telephone number", "supplier", "wrong ladder"):
        assert word not in done.log
    return done.answer["statusCode"], json.loads(done.answer["body"])


def test_operations_stops_shows_what_would_go_and_resumes(aws: Aws) -> None:
    add_debtors(aws)
    done = aws.invoke("Operations", asked("operations/stop.json"))
    status, found = answer(done)
    assert (status, found) == (
        200, {"done": "stopped", "again": False, "brakes": ["channel:sms"]},
    )  # fmt: skip
    assert done.counted("Operations_200") == 1
    status, found = answer(aws.invoke("Operations", asked("operations/brakes.json")))
    (brake,) = found["brakes"]
    assert (brake["brake"], brake["by"], brake["since"]) == ("channel:sms", OPERATOR, instant(NOW))
    status, found = answer(aws.invoke("Operations", asked("operations/outlook.json")))
    assert status == 200
    assert found["looked_at_all"] is True
    assert [(one["by"], one["count"]) for one in found["would_go"]] == [("sms", 1)]
    status, found = answer(aws.invoke("Operations", asked("operations/resume.json")))
    assert (status, found["done"], found["brakes"]) == (200, "resumed", [])
    assert read_brakes(aws.deployed.table).brakes == ()
    status, found = answer(aws.invoke("Operations", asked("operations/acts.json")))
    assert [(act["did"], act["who"], act["about"]) for act in found["acts"]] == [
        ("resumed", OPERATOR, {"brake": "channel:sms"}),
        ("stopped", OPERATOR, {"brake": "channel:sms"}),
    ]  # of one instant, so by their keys
    assert found["more"] is False


def test_operations_excludes_and_includes_an_account(aws: Aws) -> None:
    add_debtors(aws)
    for did, name, holds in (
        ("excluded", "operations/exclude.json", 1),
        ("included", "operations/include.json", 0),
    ):
        status, found = answer(aws.invoke("Operations", asked(name, ACCOUNT=SMS)))
        assert (status, found["done"]) == (200, did)
        stored = aws.deployed.table.get(SMS)
        assert stored is not None
        assert len([hold for hold in stored.account.holds if hold.ends_on is None]) == holds


def test_operations_takes_a_run_back(aws: Aws) -> None:
    add_debtors(aws)
    table = aws.deployed.table
    as_of = NOW - timedelta(hours=2)
    run = Run(instant(as_of), as_of, aws.rulebook.version, 1)
    page = Page(f"{run.run_id}/due#000/w/0000", "due#000", (SMS,))
    table.save(table.put_document(f"RUN#{run.run_id}", "RUN", run))
    table.save(table.put_document(f"RUN#{run.run_id}", "P#due#000/w/0000", page))
    status, found = answer(aws.invoke("Operations", asked("operations/undo.json", RUN=run.run_id)))
    assert (status, found["finished"], found["steps"]) == (200, True, 0)
    status, found = answer(aws.invoke("Operations", asked("operations/acts.json")))
    assert [(act["did"], act["about"]) for act in found["acts"]] == [
        ("run_undone", {"run_id": run.run_id})
    ]


def test_operations_lists_a_task_and_closes_it(aws: Aws) -> None:
    add_debtors(aws)
    table = aws.deployed.table
    at = instant(NOW - timedelta(hours=1))
    task = {"task_id": "t1", "account_id": SMS, "kind": "call", "opened_at": at, "due_at": at}
    table.save(table.put_document(f"A#{SMS}", "T#t1", task, due_shard="tasks", look_at=at))
    status, found = answer(aws.invoke("Operations", asked("operations/tasks.json")))
    (listed,) = found["tasks"]
    assert (status, listed["task_id"], found["more"]) == (200, "t1", False)
    close = asked("operations/close_task.json", ACCOUNT=SMS, TASK="t1")
    status, found = answer(aws.invoke("Operations", close))
    assert (status, found) == (200, {"done": "task_closed", "again": False})
    status, found = answer(aws.invoke("Operations", asked("operations/tasks.json")))
    assert found == {"tasks": [], "more": False}
    stored = table.get(SMS)
    assert stored is not None
    assert [contact.channel for contact in stored.account.contacts] == ["voice"]
    again = answer(aws.invoke("Operations", close))[1]
    assert again == {"done": "task_closed", "again": True}


def test_operations_refuses_what_makes_no_sense_and_whoever_has_not_signed(aws: Aws) -> None:
    status, found = answer(aws.invoke("Operations", asked("operations/stop_nothing.json")))
    assert (status, found["problems"][0]["field"]) == (400, "name")
    status, _ = answer(aws.invoke("Operations", asked("operations/unsigned.json")))
    assert status == 403
    assert read_brakes(aws.deployed.table).brakes == ()
