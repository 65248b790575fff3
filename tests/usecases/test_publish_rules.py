"""Publishing rules: what may go live, who may say so, for whom, and how it is taken back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from escalon.adapters.documents import Documents
from escalon.adapters.rulebook_source import Deployments
from escalon.domain.rules.rollout import FULL, Rollout, plan_hash
from escalon.domain.rules.rulebook import Publishing, Rulebook, version_of
from escalon.usecases.messages_between import ReplanShard
from escalon.usecases.rules.publish import PublishRules
from escalon.usecases.rules.validate import ValidateRulebook
from tests.doubles.appconfig import AppConfig
from tests.doubles.crashing import Crash, Crashing, Faults, When
from tests.doubles.world import NOW, World, rulebook

ANA = "arn:aws:iam::123456789012:user/ana"
LUZ = "arn:aws:sts::123456789012:assumed-role/Operators/luz@example.com"
LUZ_AGAIN = "arn:aws:sts::123456789012:assumed-role/Approvers/luz@example.com"


def edited(name: str, publishing: Publishing | None = None) -> Rulebook:
    """The rulebook of the tests under another name, so of another version."""
    changed = replace(rulebook(), rulebook=name, publishing=publishing or Publishing())
    return replace(changed, version=version_of(changed))


class At(Faults):
    """Strikes at the first call of that name."""

    def __init__(self, name: str, when: When = "before") -> None:
        super().__init__(when=when)
        self._name = name

    def call(self, name: str, *rest: Any) -> Any:
        if name == self._name:
            self._number = len(self.calls) + 1
        return super().call(name, *rest)


class Desk:
    """A stack as far as publishing goes, and somebody who asks."""

    def __init__(self) -> None:
        self.world = World(shards=2)
        self.documents = Documents(self.world.s3, "bucket")
        self.appconfig = AppConfig(ValidateRulebook(self.documents))
        self.number = 0

    def rules(self, faults: Faults | None = None) -> PublishRules:
        faults = faults or Faults()
        deployments = Deployments(
            Crashing(self.appconfig, faults), self.appconfig, application="a", environment="e",
            profile="p", strategy="s", pause=lambda _: None,
        )  # fmt: skip
        world = self.world
        table, queue = world._table(faults), world.queue("replan", faults)
        documents = Documents(world.s3, "bucket")
        return PublishRules(table, documents, deployments, queue, world.clock, world.report)

    def ask(
        self, route: str, who: str = ANA, faults: Faults | None = None, **fields: Any
    ) -> tuple[int, dict[str, Any]]:
        self.number += 1
        asked = {"key": f"k{self.number:03d}", "why": "because", **fields}
        answer = self.rules(faults)(route, msgspec.json.encode(asked), who)
        return answer.status, answer.body

    def draft(self, rules: Rulebook) -> str:
        body = msgspec.json.encode(rules, order="sorted")
        self.documents.put(f"drafts/{rules.version}.json", body)
        return rules.version

    def publish(self, rules: Rulebook, who: str = ANA, **more: Any) -> tuple[int, dict[str, Any]]:
        return self.ask("POST /rules/publications", who, version=self.draft(rules), **more)

    def plan(self, draft: Rulebook, **more: Any) -> str:
        """Keep a plan of the draft against what is in force, as the command line does."""
        base = more.pop("base", None) or self.in_force().live
        name = plan_hash(draft.version, base, "book", 60)
        told = {
            "plan": name,
            "draft": {"version": draft.version},
            "in_force": {"version": base},
            "book": {"fingerprint": "book", "stack": "x", "taken_at": NOW.isoformat()},
            "days": 60,
            "breaches": 0,
            "changed": 3,
            **more,
        }
        self.documents.put_new(f"plans/{name}.json", msgspec.json.encode(told))
        return name

    def in_force(self) -> Rollout:
        found = self.rules()._deployments.in_force()
        assert found is not None
        return found

    def acts(self) -> list[tuple[str, str]]:
        return [(a.did, a.who) for a in self.world.table.acts(NOW.date(), NOW.date())]

    def history(self) -> list[dict[str, Any]]:
        changes: list[dict[str, Any]] = self.ask("GET /rules")[1]["changes"]
        return changes


def why_not(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    status, body = answer
    return status, body["problems"][0]["problem"]


BASE = edited("base")
NEXT = edited("next")
PLANNED = edited("planned", Publishing(plan=True))
APPROVED = edited("approved", Publishing(plan=True, approval=True))


@pytest.fixture
def desk() -> Desk:
    return Desk()


# ------------------------------------------------------------------------------------- publish


def test_the_first_rulebook_of_a_stack_needs_no_plan(desk: Desk) -> None:
    status, body = desk.publish(APPROVED)
    assert (status, body["done"], body["in_force"]) == (
        200,
        "published",
        {"live": APPROVED.version},
    )
    assert desk.in_force() == Rollout(APPROVED.version)
    assert desk.acts() == [("published", ANA)]
    assert desk.documents.rulebook(APPROVED.version) == APPROVED


def test_what_is_in_force_already_is_not_published_again(desk: Desk) -> None:
    desk.publish(BASE)
    status, body = desk.publish(BASE)
    assert (status, body["again"]) == (200, True)
    assert len(desk.appconfig.states) == 1
    assert len(desk.history()) == 1


def test_where_the_rulebook_in_force_asks_for_a_plan_nothing_goes_without(desk: Desk) -> None:
    desk.publish(PLANNED)
    assert why_not(desk.publish(NEXT)) == (409, "the rulebook in force asks for a plan")
    assert desk.in_force().live == PLANNED.version
    status, _ = desk.publish(NEXT, plan=desk.plan(NEXT))
    assert status == 200
    assert desk.in_force().live == NEXT.version


def test_a_plan_of_another_content_is_refused(desk: Desk) -> None:
    desk.publish(PLANNED)
    plan = desk.plan(NEXT)
    other = edited("changed-since")
    status, problem = why_not(desk.publish(other, plan=plan))
    assert status == 409
    assert problem == f"it is a plan of {NEXT.version}, and the draft is {other.version}"


def test_a_plan_against_another_base_is_refused(desk: Desk) -> None:
    desk.publish(PLANNED)
    plan = desk.plan(NEXT, base=BASE.version)
    status, problem = why_not(desk.publish(NEXT, plan=plan))
    assert (status, problem) == (
        409, f"it was made against {BASE.version}, and {PLANNED.version} is in force"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(hours=24), 200), (timedelta(hours=24, seconds=1), 409)]
)
def test_a_plan_gets_too_old(desk: Desk, age: timedelta, status: int) -> None:
    desk.publish(PLANNED)
    plan = desk.plan(NEXT)
    desk.world.clock.at = NOW + age
    assert desk.publish(NEXT, plan=plan)[0] == status


def test_a_plan_with_a_breach_of_the_contact_policy_is_refused(desk: Desk) -> None:
    desk.publish(PLANNED)
    plan = desk.plan(NEXT, breaches=2)
    told = "2 contacts of it would break the contact policy"
    assert why_not(desk.publish(NEXT, plan=plan)) == (409, told)


def test_a_plan_that_is_not_what_its_name_says_is_refused(desk: Desk) -> None:
    desk.publish(PLANNED)
    plan = desk.plan(NEXT)
    body = desk.documents.get(f"plans/{plan}.json")
    desk.documents.put(f"plans/{plan}.json", body.replace(b'"days":60', b'"days":61'))
    told = f"{plan} is not what its name says"
    assert why_not(desk.publish(NEXT, plan=plan)) == (400, told)
    assert why_not(desk.publish(NEXT, plan="0000"))[0] == 404
    assert why_not(desk.publish(NEXT, plan="../rulebooks/x"))[0] == 404


# ------------------------------------------------------------------------------------- approval


def test_nobody_approves_their_own_plan(desk: Desk) -> None:
    desk.publish(APPROVED)
    plan = desk.plan(NEXT)
    assert why_not(desk.publish(NEXT, plan=plan)) == (403, "nobody has approved it")
    assert desk.ask("POST /rules/approvals", ANA, plan=plan)[0] == 200
    assert why_not(desk.publish(NEXT, plan=plan)) == (403, "nobody but you has approved it")
    assert desk.ask("POST /rules/approvals", LUZ, plan=plan)[0] == 200
    assert desk.publish(NEXT, plan=plan)[0] == 200
    assert [one["who"] for one in desk.history()[0]["approvals"]] == [ANA, LUZ]
    assert desk.acts() == [
        ("published", ANA),
        ("plan_approved", ANA),
        ("plan_approved", LUZ),
        ("published", ANA),
    ]


def test_another_role_of_the_same_person_is_not_another_person(desk: Desk) -> None:
    desk.publish(APPROVED, LUZ)
    plan = desk.plan(NEXT)
    desk.ask("POST /rules/approvals", LUZ_AGAIN, plan=plan)
    assert why_not(desk.publish(NEXT, LUZ, plan=plan)) == (403, "nobody but you has approved it")
    assert desk.publish(NEXT, ANA, plan=plan)[0] == 200


def test_who_approves_is_who_signed_and_nobody_else(desk: Desk) -> None:
    desk.publish(APPROVED)
    plan = desk.plan(NEXT)
    asked = msgspec.json.encode({"key": "k", "why": "w", "plan": plan, "who": LUZ})
    answer = desk.rules()("POST /rules/approvals", asked, ANA)
    assert answer.status == 400  # there is no such field
    assert desk.ask("POST /rules/approvals", "", plan=plan)[0] == 403


def test_an_approval_is_of_the_file_that_was_there(desk: Desk) -> None:
    desk.publish(APPROVED)
    plan = desk.plan(NEXT, breaches=0)
    desk.ask("POST /rules/approvals", LUZ, plan=plan)
    body = desk.documents.get(f"plans/{plan}.json")
    desk.documents.put(f"plans/{plan}.json", body.replace(b'"changed":3', b'"changed":9'))
    assert why_not(desk.publish(NEXT, plan=plan)) == (403, "nobody has approved it")


def test_what_may_not_be_published_may_not_be_approved(desk: Desk) -> None:
    desk.publish(APPROVED)
    assert desk.ask("POST /rules/approvals", LUZ, plan=desk.plan(NEXT, breaches=1))[0] == 409


# ------------------------------------------------------------------------------------- a bad one


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "cannot be read"),
        (msgspec.json.encode(NEXT).replace(b'"next"', b'"other"'), "content is not that of"),
        (msgspec.json.encode(replace(NEXT, strategies=())), "content is not that of"),
    ],
)
def test_a_draft_that_is_not_what_its_name_says_never_goes_live(
    desk: Desk, body: bytes, told: str
) -> None:
    desk.publish(BASE)
    desk.documents.put(f"drafts/{NEXT.version}.json", body)
    status, problem = why_not(desk.ask("POST /rules/publications", version=NEXT.version))
    assert status == 400
    assert told in problem
    assert desk.in_force() == Rollout(BASE.version)
    assert desk.documents.find(f"rulebooks/{NEXT.version}.json") is None


def broken(change: Callable[[Rulebook], Rulebook]) -> Rulebook:
    made = change(replace(BASE, rulebook="broken"))
    return replace(made, version=version_of(made))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: replace(r, strategies=()), "has no ladder"),
        (lambda r: replace(r, creditors={}), "no creditor"),
        (lambda r: replace(r, contact_policies={}), "no contact policy"),
        (
            lambda r: replace(
                r, strategies=(replace(r.strategies[0], condition=["nonsense"]), *r.strategies[1:])
            ),
            "cannot decide about a debt",
        ),
        (
            lambda r: replace(
                r, messages={"en": {**r.messages["en"], "friendly": "{{ nobody.knows }}"}}
            ),
            "friendly",
        ),
    ],
)
def test_a_draft_that_cannot_decide_or_write_never_goes_live(
    desk: Desk, change: Callable[[Rulebook], Rulebook], told: str
) -> None:
    desk.publish(BASE)
    status, problem = why_not(desk.publish(broken(change)))
    assert (status, told in problem) == (400, True), problem
    assert desk.in_force() == Rollout(BASE.version)
    assert len(desk.history()) == 1


def test_what_appconfigs_validator_refuses_leaves_what_was_in_force(desk: Desk) -> None:
    """As when somebody has put bytes into the bucket under a published rulebook's name."""
    desk.publish(BASE)

    def refuse(content: bytes) -> None:
        raise ValueError(content)

    desk.appconfig.validator = refuse
    assert desk.publish(NEXT)[0] == 409
    assert desk.in_force() == Rollout(BASE.version)
    assert desk.history()[0]["state"] == "refused"
    desk.appconfig.validator = None
    assert desk.publish(NEXT)[0] == 200
    assert [change["number"] for change in desk.history()] == [3, 2, 1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"nonsense", "this is no configuration"),
        (b'{"live": ""}', "no rulebook is live"),
        (b'{"live": "LIVE", "canary": "LIVE", "share": 5}', "the canary is the live rulebook"),
        (b'{"live": "LIVE", "canary": "X"}', "a canary has a share"),
        (b'{"live": "LIVE", "canary": "X", "share": 10000}', "a canary has a share"),
        (b'{"live": "LIVE", "share": 5}', "a canary has a share"),
        (b'{"live": "LIVE", "keep": ["X"]}', "there is no rulebook X"),
        (b'{"live": "X"}', "there is no rulebook X"),
        (b'{"live": "LIVE"}', ""),
    ],
)
def test_our_validator_refuses_what_cannot_work(desk: Desk, content: bytes, told: str) -> None:
    desk.publish(BASE)
    asked = content.replace(b"LIVE", BASE.version.encode())
    if not told:
        assert ValidateRulebook(desk.documents)(asked) == Rollout(BASE.version)
        return
    with pytest.raises(Exception, match=told):
        ValidateRulebook(desk.documents)(asked)


# ----------------------------------------------------------------------- canary, promote, roll back


def test_a_canary_grows_and_takes_over(desk: Desk) -> None:
    desk.publish(BASE)
    assert desk.publish(NEXT, share=500)[1]["done"] == "canary_started"
    assert desk.in_force() == Rollout(BASE.version, NEXT.version, 500)
    other = edited("third")
    assert why_not(desk.publish(other))[1].endswith("is the canary for 5 % of the accounts")
    assert why_not(desk.ask("POST /rules/promotions", share=400))[0] == 400
    desk.ask("POST /rules/promotions", share=5000)
    assert desk.in_force() == Rollout(BASE.version, NEXT.version, 5000)
    desk.ask("POST /rules/promotions")
    assert desk.in_force() == Rollout(NEXT.version)
    assert why_not(desk.ask("POST /rules/promotions")) == (409, "there is no canary")
    assert [did for did, _ in desk.acts()] == [
        "published", "canary_started", "promoted", "promoted"
    ]  # fmt: skip


def test_a_canary_is_dropped(desk: Desk) -> None:
    desk.publish(BASE)
    desk.publish(NEXT, share=500)
    assert desk.ask("POST /rules/rollbacks")[0] == 200
    assert desk.in_force() == Rollout(BASE.version)


def test_rolled_back_twice_is_what_was_before(desk: Desk) -> None:
    for one in (BASE, NEXT, PLANNED):
        desk.publish(one)
    desk.ask("POST /rules/rollbacks")
    assert desk.in_force() == Rollout(NEXT.version)
    desk.ask("POST /rules/rollbacks", to=BASE.version)
    assert desk.in_force() == Rollout(BASE.version)
    assert why_not(desk.ask("POST /rules/rollbacks", to="0" * 16))[0] == 404


def test_what_was_never_in_force_is_not_rolled_back_to(desk: Desk) -> None:
    """Asked for and refused by AppConfig, or written down and never deployed."""
    desk.publish(APPROVED)
    desk.appconfig.validator = lambda _: 1 / 0
    assert desk.publish(BASE, plan=approved_plan(desk, BASE))[0] == 409
    desk.appconfig.validator = None
    with pytest.raises(Crash):
        desk.publish(PLANNED, plan=approved_plan(desk, PLANNED), faults=At("start_deployment"))
    states = [change.get("state", "begun") for change in desk.history()]
    assert states == ["begun", "refused", "in force"]
    for never in (BASE, PLANNED):
        told = (404, f"{never.version} was never in force")
        assert why_not(desk.ask("POST /rules/rollbacks", to=never.version)) == told
    assert desk.in_force() == Rollout(APPROVED.version)
    assert desk.publish(NEXT, plan=approved_plan(desk, NEXT))[0] == 200
    assert desk.ask("POST /rules/rollbacks", to=APPROVED.version)[0] == 200
    assert desk.in_force() == Rollout(APPROVED.version)


def approved_plan(desk: Desk, draft: Rulebook) -> str:
    plan = desk.plan(draft)
    desk.ask("POST /rules/approvals", LUZ, plan=plan)
    return plan


def test_there_is_nothing_before_the_first(desk: Desk) -> None:
    desk.publish(BASE)
    told = (409, "nothing was in force before it")
    assert why_not(desk.ask("POST /rules/rollbacks")) == told


def test_taking_back_needs_neither_plan_nor_approval(desk: Desk) -> None:
    desk.publish(BASE)
    desk.publish(APPROVED)
    assert desk.ask("POST /rules/rollbacks", LUZ)[0] == 200
    assert desk.in_force() == Rollout(BASE.version)


def test_a_roll_back_is_no_way_around_a_second_person(desk: Desk) -> None:
    desk.publish(BASE)
    desk.publish(APPROVED)
    assert desk.ask("POST /rules/rollbacks", LUZ)[0] == 200
    status, _ = desk.publish(NEXT, LUZ)
    assert status == 409  # what was taken back asked for a plan and a second person
    plan = desk.plan(NEXT)
    assert why_not(desk.publish(NEXT, LUZ, plan=plan)) == (403, "nobody has approved it")
    assert desk.publish(NEXT, plan=approved_plan(desk, NEXT))[0] == 200
    assert desk.publish(PLANNED)[0] == 200  # NEXT asks for nothing, and it was approved


def test_a_name_in_other_letters_is_not_another_person(desk: Desk) -> None:
    desk.publish(APPROVED)
    plan = desk.plan(NEXT)
    desk.ask("POST /rules/approvals", LUZ.upper(), plan=plan)
    assert why_not(desk.publish(NEXT, LUZ, plan=plan)) == (403, "nobody but you has approved it")


def test_while_a_deployment_bakes_it_can_only_be_taken_back(desk: Desk) -> None:
    desk.publish(BASE)
    desk.appconfig.bakes = True
    desk.publish(NEXT)
    told = (409, "AppConfig still watches the last change for alarms")
    assert why_not(desk.publish(PLANNED)) == told
    desk.appconfig.bakes = False
    desk.ask("POST /rules/rollbacks")
    assert desk.in_force() == Rollout(BASE.version)


def test_what_an_alarm_took_back_is_told_and_is_not_in_force(desk: Desk) -> None:
    desk.publish(BASE)
    desk.publish(NEXT)
    desk.appconfig.alarm()
    told = desk.ask("GET /rules")[1]
    assert told["taken_back"] is True
    assert told["in_force"] == {"live": BASE.version}
    desk.world.sqs.queues.clear()
    assert desk.ask("POST /rules/rollbacks")[0] == 200  # so that its accounts are looked at again
    assert desk.in_force() == Rollout(BASE.version)
    assert desk.world.waiting("replan") == ["replan"]
    assert desk.ask("GET /rules")[1]["taken_back"] is False


def test_accounts_under_way_keep_their_rulebook_if_the_draft_says_so(desk: Desk) -> None:
    keeping = edited("keeping", Publishing(keep=True))
    again = edited("keeping-again", Publishing(keep=True))
    desk.publish(BASE)
    desk.publish(keeping)
    assert desk.in_force() == Rollout(keeping.version, keep=(BASE.version,))
    desk.publish(again, share=100)
    assert desk.in_force() == Rollout(
        keeping.version,
        again.version,
        100,
        keep=(BASE.version,),
        canary_keep=(BASE.version, keeping.version),
    )
    desk.ask("POST /rules/promotions")
    assert desk.in_force() == Rollout(again.version, keep=(BASE.version, keeping.version))
    desk.publish(NEXT)  # which says: move now
    assert desk.in_force() == Rollout(NEXT.version)


# --------------------------------------------------------------------------------- faults, replan


def test_a_change_looks_at_every_shard_again_but_the_first_has_nothing_to_look_at(
    desk: Desk,
) -> None:
    desk.publish(BASE)
    assert desk.world.waiting("replan") == []
    _, body = desk.publish(NEXT)
    asked = [msgspec.json.decode(b, type=ReplanShard) for b in desk.world.sqs.queues["replan"]]
    assert [one.shard for one in asked] == ["due#000", "due#001"]
    assert {one.in_force for one in asked} == {Rollout(NEXT.version)}
    assert {one.run_id for one in asked} == {body["run_id"]}
    (run,) = desk.world.table.listed("runs")
    assert (run["run_id"], run["kind"]) == (body["run_id"], "replan")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 10))
def test_whatever_dies_a_repetition_with_the_key_ends_it_once(
    desk: Desk, call: int, when: Any
) -> None:
    desk.publish(BASE)
    version = desk.draft(NEXT)
    asked = {"key": "the-key", "why": "because", "version": version}
    body = msgspec.json.encode(asked)
    try:
        desk.rules(Faults(call, when))("POST /rules/publications", body, ANA)
    except (Crash, Exception):
        # What is in force is one or the other, whole.
        assert desk.in_force().live in (BASE.version, NEXT.version)
    answer = desk.rules()("POST /rules/publications", body, ANA)
    assert answer.status == 200, answer.body
    assert desk.in_force() == Rollout(NEXT.version)
    assert [did for did, _ in desk.acts()] == ["published", "published"]
    assert [(c["number"], c["state"]) for c in desk.history()] == [(2, "in force"), (1, "in force")]


CUT_SHORT = [("start_deployment", "after"), ("send_message_batch", "before")]


@pytest.mark.parametrize(("call", "when"), CUT_SHORT)
def test_a_publication_that_was_cut_short_is_rolled_back_to_the_one_before_it(
    desk: Desk, call: str, when: When
) -> None:
    for one in (BASE, NEXT):
        desk.publish(one)
    with pytest.raises(Crash):
        desk.publish(PLANNED, faults=At(call, when))
    assert desk.in_force() == Rollout(PLANNED.version)
    assert "state" not in desk.history()[0]  # begun
    assert desk.ask("POST /rules/rollbacks")[0] == 200
    assert desk.in_force() == Rollout(NEXT.version)
    assert desk.ask("POST /rules/rollbacks", to=PLANNED.version)[0] == 200  # it was in force
    assert desk.in_force() == Rollout(PLANNED.version)


def test_a_publication_that_was_cut_short_and_taken_back_is_told(desk: Desk) -> None:
    for one in (BASE, NEXT):
        desk.publish(one)
    with pytest.raises(Crash):
        desk.publish(PLANNED, faults=At("send_message_batch"))
    desk.appconfig.alarm()
    assert desk.ask("GET /rules")[1]["taken_back"] is True
    assert desk.ask("POST /rules/rollbacks")[0] == 200
    assert desk.in_force() == Rollout(NEXT.version)
    assert desk.ask("GET /rules")[1]["taken_back"] is False


@pytest.mark.parametrize(("call", "when"), CUT_SHORT)
@pytest.mark.parametrize(
    ("before", "route", "asked", "after"),
    [
        ([], "publications", {"version": NEXT.version}, Rollout(NEXT.version)),
        (
            [],
            "publications",
            {"version": NEXT.version, "share": 500},
            Rollout(BASE.version, NEXT.version, 500),
        ),
        ([500], "promotions", {"share": 900}, Rollout(BASE.version, NEXT.version, 900)),
        ([500], "promotions", {}, Rollout(NEXT.version)),
        ([500], "rollbacks", {}, Rollout(BASE.version)),
        ([FULL], "rollbacks", {}, Rollout(BASE.version)),
        ([FULL], "rollbacks", {"to": BASE.version}, Rollout(BASE.version)),
    ],
)
def test_what_was_cut_short_is_gone_on_with_under_another_key(
    desk: Desk,
    before: list[int],
    route: str,
    asked: dict[str, Any],
    after: Rollout,
    call: str,
    when: When,
) -> None:
    desk.publish(BASE)
    desk.draft(NEXT)
    for share in before:
        desk.publish(NEXT, share=share)
    desk.appconfig.bakes = True
    with pytest.raises(Crash):
        desk.ask(f"POST /rules/{route}", faults=At(call, when), **asked)
    assert desk.in_force() == after
    desk.world.sqs.queues.clear()
    for _ in range(2):  # once gone on with, that key does nothing either
        status, body = desk.ask(f"POST /rules/{route}", LUZ, key="another", **asked)
        assert (status, body["again"], body["number"]) == (200, True, len(before) + 2), body
        assert desk.in_force() == after
        assert desk.world.waiting("replan") == ["replan"]
        assert desk.history()[0]["state"] == "in force"
    assert len(desk.history()) == len(before) + 2
    assert sorted(who for _, who in desk.acts()) == [ANA] * (len(before) + 2) + [LUZ]


def test_two_who_publish_at_once_do_not_publish_over_each_other(desk: Desk) -> None:
    desk.publish(BASE)
    first, second = desk.draft(NEXT), desk.draft(PLANNED)
    body = msgspec.json.encode({"key": "one", "why": "because", "version": first})
    trial = Faults()
    other = Desk()
    other.publish(BASE)
    other.draft(NEXT)
    other.rules(trial)("POST /rules/publications", body, ANA)
    # The first one dies once its change is written down, before AppConfig is asked.
    written = trial.calls.index("transact_write_items") + 1
    with pytest.raises(Crash):
        desk.rules(Faults(written, "after"))("POST /rules/publications", body, ANA)
    assert desk.publish(PLANNED, LUZ)[0] == 200
    assert desk.in_force().live == second
    answer = desk.rules()("POST /rules/publications", body, ANA)
    assert desk.in_force().live == second, answer.body


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("POST /rules/publications", b"not json"),
        ("POST /rules/publications", b'{"key": "k", "why": "w"}'),
        ("POST /rules/publications", b'{"key": "k", "why": " ", "version": "x"}'),
        ("POST /rules/publications", b'{"key": "k", "why": "w", "version": "x", "more": 1}'),
        ("POST /rules/promotions", b'{"key": "k", "why": "w", "share": "5%"}'),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(
    desk: Desk, route: str, body: bytes
) -> None:
    desk.publish(BASE)
    answer = desk.rules()(route, body, ANA)
    assert answer.status == 400
    assert answer.body["problems"][0]["problem"]


def test_full_is_a_hundred_percent() -> None:
    assert FULL == 10_000
