"""Publish rules: put a rulebook in force, for all or for a share of the accounts, widen that share,
and take it back.

Every change is written down before it is made, in one transaction with its act in the audit log
and on the number of the last one, so two people never publish over each other; a request that is
repeated with its key goes on where the first one was cut short. What the rulebook in force asks for
is looked at here and nowhere else: a plan of this very content against this very base, approval by
somebody else. Who acts is whoever signed the request.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from escalon.domain.audit import Act, Done
from escalon.domain.ports import Clock
from escalon.domain.rules.rollout import FULL, Rollout, RolloutRefusedError, kept_beside, plan_hash
from escalon.domain.rules.rulebook import Publishing, Rulebook
from escalon.domain.storage import AlreadyDoneError, ConflictError, instant
from escalon.usecases.messages_between import ReplanShard
from escalon.usecases.operators.acts import ActRefusedError, Person, refused
from escalon.usecases.operators.forms import Answer, person_of
from escalon.usecases.rules.validate import NotSoundError, ValidateRulebook, sound
from escalon.usecases.runs.books import Run

if TYPE_CHECKING:
    from escalon.adapters.documents import Documents
    from escalon.adapters.queue import Queue
    from escalon.adapters.rulebook_source import Deployments
    from escalon.adapters.table import Table

PATIENCE_SECONDS = 15.0  # for AppConfig; whoever asked waits for less than half a minute
LISTED = 30  # changes that are told at once
_RULES = "RULES"
_STATUS = {"wrong": 400, "not_allowed": 403, "not_found": 404, "conflict": 409}

type Did = Literal["published", "canary_started", "promoted", "rolled_back"]


class Plan(msgspec.Struct, frozen=True):
    """What is asked about a plan: the file has more, for people."""

    plan: str
    draft: dict[str, str]
    in_force: dict[str, str]
    book: dict[str, Any]
    days: int
    breaches: int
    changed: int = 0
    accounts: int = 0

    @property
    def taken_at(self) -> datetime:
        """When its book was read."""
        return datetime.fromisoformat(self.book["taken_at"])


class Approval(msgspec.Struct, frozen=True, omit_defaults=True):
    """That somebody has approved a plan, with the hash of the file that they approved."""

    plan: str
    file: str
    who: str
    at: datetime
    why: str
    role: str = ""


class RuleChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of what is in force. `state` is "begun" until AppConfig has taken it."""

    number: int
    key: str
    did: Did
    at: datetime
    who: str
    why: str
    after: Rollout
    rulebook: str  # the version that it is about
    before: Rollout | None = None
    role: str = ""
    plan: str = ""
    approvals: tuple[Approval, ...] = ()
    state: Literal["begun", "in force", "refused"] = "begun"
    deployment: int = 0
    problem: str = ""  # why AppConfig did not take it


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put a draft in force. `share` in hundredths of a percent makes it a canary."""

    key: str
    why: str
    version: str
    plan: str = ""
    share: int = FULL


class Approving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Approve a plan."""

    key: str
    why: str
    plan: str


class Promotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Widen the canary's share, or put it in force for all."""

    key: str
    why: str
    share: int = FULL


class Rollback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Drop the canary; without one, put back the version before the live one, or a given one."""

    key: str
    why: str
    to: str = ""


class PublishRules:
    """One route of the API each."""

    def __init__(
        self,
        table: "Table",
        documents: "Documents",
        deployments: "Deployments",
        queue: "Queue",
        clock: Clock,
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._documents = documents
        self._deployments = deployments
        self._queue = queue
        self._clock = clock
        self._report = report
        self._validate = ValidateRulebook(documents)

    def __call__(self, route: str, body: bytes, caller: str) -> Answer:
        """`route` is method and resource, `caller` the ARN of whoever signed."""
        try:
            person = person_of(caller)
            match route:
                case "GET /rules":
                    return Answer(200, self._told())
                case "POST /rules/publications":
                    return self._publish(_read(body, Publication), person)
                case "POST /rules/approvals":
                    return self._approve(_read(body, Approving), person)
                case "POST /rules/promotions":
                    return self._promote(_read(body, Promotion), person)
                case "POST /rules/rollbacks":
                    return self._roll_back(_read(body, Rollback), person)
        except ActRefusedError as error:
            problems = msgspec.to_builtins(error.problems)
            return Answer(_STATUS[error.fault], {"problems": problems})
        problem = {"field": "", "problem": "there is no such route", "remedy": "see docs/rules.md"}
        return Answer(404, {"problems": [problem]})

    # ---------------------------------------------------------------- publish

    def _publish(self, asked: Publication, person: Person) -> Answer:
        if done := self._begun_before(asked.key):
            return self._go_on(done, again=True)
        if not 0 < asked.share <= FULL:
            raise refused("wrong", "share", "is no share of the accounts", f"write 1 to {FULL}")
        draft = self._draft(asked.version)
        in_force = self._deployments.in_force()
        cut_short = self._cut_short(in_force)
        if in_force and cut_short and _newest(in_force) == (draft.version, asked.share):
            return self._finish(cut_short, asked, person)
        if in_force is not None and not in_force.canary and in_force.live == draft.version:
            return Answer(200, {"done": "published", "again": True, **_plain(in_force)})
        if in_force is not None and in_force.canary:
            raise refused(
                "conflict",
                "",
                f"{in_force.canary} is the canary for {in_force.share / 100:g} % of the accounts",
                "promote it or roll it back first",
            )
        approvals: tuple[Approval, ...] = ()
        if in_force is not None:
            asks = self._asks(in_force)
            if asks.plan and not asked.plan:
                raise refused(
                    "conflict",
                    "plan",
                    "the rulebook in force asks for a plan",
                    "escalon rules plan, then publish with --plan and its hash",
                )
            if asked.plan:
                approvals = self._approved(asked, asks, in_force, person)
        after = self._after(draft, in_force, asked.share)
        did: Did = "canary_started" if after.canary else "published"
        return self._change(
            did, asked.key, asked.why, person, in_force, after, draft.version, asked.plan, approvals
        )

    def _asks(self, in_force: Rollout) -> Publishing:
        """What it takes to put another in the place of what is in force. What was taken back since
        asks as well: nobody gets past a second person by way of a roll-back."""
        versions = [in_force.live]
        for change in self._changes():
            if change.did != "rolled_back":
                if _taken(change, in_force):
                    break
                continue
            if change.before is not None and change.before.live not in versions:
                versions.append(change.before.live)
        asked = [self._documents.rulebook(version).publishing for version in versions]
        return msgspec.structs.replace(
            asked[0],
            plan=any(one.plan for one in asked),
            approval=any(one.approval for one in asked),
            plan_within_hours=min(one.plan_within_hours for one in asked),
        )

    def _draft(self, version: str) -> Rulebook:
        """The draft, whole and sound, and from here on published for good under its name."""
        body = self._documents.find(f"drafts/{version}.json") if version.isalnum() else None
        if body is None:
            raise refused("not_found", "version", f"there is no draft {version}", "upload it first")
        try:
            draft = sound(body, version)
        except NotSoundError as error:
            raise refused(
                "wrong", "version", str(error), "escalon rules check, mend it, and plan again"
            ) from error
        self._documents.put_rulebook(draft)
        return draft

    @staticmethod
    def _after(draft: Rulebook, in_force: Rollout | None, share: int) -> Rollout:
        if in_force is None:
            if share < FULL:
                raise refused(
                    "conflict", "share", "no rulebook is in force beside it", "publish it for all"
                )
            return Rollout(draft.version)
        if in_force.live == draft.version:
            raise refused("conflict", "version", "it is the live one", "there is nothing to do")
        keep = kept_beside(in_force, draft.version, keep=draft.publishing.keep)
        if share < FULL:
            return replace(in_force, canary=draft.version, share=share, canary_keep=keep)
        return Rollout(draft.version, keep=keep)

    # ---------------------------------------------------------------- plans and approvals

    def _plan(self, name: str) -> tuple[Plan, str]:
        """A plan that was kept, and is the one that its name says; with its file's hash."""
        body = self._documents.find(f"plans/{name}.json") if name.isalnum() else None
        if body is None:
            raise refused(
                "not_found", "plan", f"there is no plan {name}", "escalon rules plan keeps one"
            )
        try:
            plan = msgspec.json.decode(body, type=Plan)
            told = (plan.draft["version"], plan.in_force["version"], plan.book["fingerprint"])
            is_it = plan.plan == name == plan_hash(*told, plan.days) and bool(plan.taken_at)
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
            is_it = False
        if not is_it:
            raise refused("wrong", "plan", f"{name} is not what its name says", "plan again")
        return plan, hashlib.sha256(body).hexdigest()

    def _stands(self, plan: Plan, asks: Publishing, in_force: Rollout) -> None:
        """Whether the plan may be acted on now."""
        if plan.in_force["version"] != in_force.live:
            raise refused(
                "conflict",
                "plan",
                f"it was made against {plan.in_force['version']}, and {in_force.live} is in force",
                "plan again",
            )
        age = self._clock.now() - plan.taken_at
        if age > timedelta(hours=asks.plan_within_hours):
            raise refused(
                "conflict",
                "plan",
                f"its book is older than {asks.plan_within_hours} hours",
                "plan again",
            )
        if plan.breaches:
            raise refused(
                "conflict",
                "plan",
                f"{plan.breaches} contacts of it would break the contact policy",
                "change the draft, and plan again",
            )

    def _approved(
        self, asked: Publication, asks: Publishing, in_force: Rollout, person: Person
    ) -> tuple[Approval, ...]:
        plan, file = self._plan(asked.plan)
        if plan.draft["version"] != asked.version:
            raise refused(
                "conflict",
                "plan",
                f"it is a plan of {plan.draft['version']}, and the draft is {asked.version}",
                "the draft has changed since; plan again",
            )
        self._stands(plan, asks, in_force)
        approvals = tuple(one for one in self._approvals(plan.plan) if one.file == file)
        if asks.approval and not any(_another(one.who, person.who) for one in approvals):
            raise refused(
                "not_allowed",
                "plan",
                "nobody but you has approved it" if approvals else "nobody has approved it",
                f"somebody else: escalon rules approve {plan.plan}",
            )
        return approvals

    def _approvals(self, plan: str) -> Iterator[Approval]:
        for document in self._table.documents(_RULES, f"APPROVAL#{plan}#"):
            yield msgspec.convert(document, Approval)

    def _approve(self, asked: Approving, person: Person) -> Answer:
        in_force = self._deployments.in_force()
        plan, file = self._plan(asked.plan)
        if in_force is None:
            raise refused("conflict", "plan", "no rulebook is in force", "the first needs no plan")
        self._stands(plan, self._documents.rulebook(in_force.live).publishing, in_force)
        now = self._clock.now()
        approval = Approval(plan.plan, file, person.who, now, asked.why, person.role)
        put = self._table.put_document(_RULES, f"APPROVAL#{plan.plan}#{person.who}", approval)
        about = {"plan": plan.plan, "rulebook": plan.draft["version"]}
        act = self._act(asked.key, now, person, "plan_approved", asked.why, about)
        again = False
        try:
            self._table.transact(
                self._table.once(f"rules/{asked.key}", {"plan": plan.plan}),
                put,
                self._table.put_act(act),
            )
        except AlreadyDoneError:
            again = True
        return Answer(200, {"done": "plan_approved", "again": again, "plan": plan.plan})

    # ---------------------------------------------------------------- promote, roll back

    def _promote(self, asked: Promotion, person: Person) -> Answer:
        if done := self._begun_before(asked.key):
            return self._go_on(done, again=True)
        in_force = self._deployments.in_force()
        cut_short = self._cut_short(in_force)
        if (
            in_force
            and cut_short
            and cut_short.did == "promoted"
            and _newest(in_force) == (cut_short.rulebook, asked.share)
        ):
            return self._finish(cut_short, asked, person)
        if in_force is None or not in_force.canary:
            raise refused("conflict", "", "there is no canary", "publish one with --canary")
        if not in_force.share < asked.share <= FULL:
            raise refused(
                "wrong",
                "share",
                f"the canary has {in_force.share / 100:g} % of the accounts",
                "write more than that, or leave it out for all; less is a roll-back",
            )
        after = replace(in_force, share=asked.share)
        if asked.share == FULL:
            after = Rollout(in_force.canary, keep=in_force.canary_keep)
        return self._change(
            "promoted", asked.key, asked.why, person, in_force, after, in_force.canary
        )

    def _roll_back(self, asked: Rollback, person: Person) -> Answer:
        if done := self._begun_before(asked.key):
            return self._go_on(done, again=True)
        in_force = self._deployments.in_force()
        cut_short = self._cut_short(in_force)
        if cut_short and (
            in_force == Rollout(asked.to) or (not asked.to and cut_short.did == "rolled_back")
        ):
            return self._finish(cut_short, asked, person)
        changes = self._changes()
        newest = changes[0].deployment if changes else 0
        if newest and self._deployments.is_under_way(newest):
            # AppConfig takes no other deployment while it watches this one.
            self._deployments.take_back(newest, patience_seconds=PATIENCE_SECONDS)
            in_force = self._deployments.in_force()
        if in_force is None:
            raise refused("conflict", "", "no rulebook is in force", "there is nothing to undo")
        # By the lines above or by an alarm: what remains is to look at the accounts again.
        taken_back = _taken_back(changes, in_force)
        to = asked.to
        if not to:
            stays = in_force.canary or taken_back
            to = in_force.live if stays else _one_before(changes, in_force)
        if to == in_force.live and not in_force.canary and not taken_back and not asked.to:
            raise refused(
                "conflict", "to", "nothing was in force before it", "publish another one instead"
            )
        if to != in_force.live and to not in _once_live(changes, in_force):
            raise refused(
                "not_found", "to", f"{to} was never in force", "escalon rules history lists them"
            )
        after = Rollout(to)
        if after == in_force and not taken_back:
            done = changes[0] if changes else None
            return Answer(200, {"done": "rolled_back", "again": bool(done), **_plain(in_force)})
        return self._change("rolled_back", asked.key, asked.why, person, in_force, after, to)

    # ---------------------------------------------------------------- the change itself

    def _change(
        self,
        did: Did,
        key: str,
        why: str,
        person: Person,
        before: Rollout | None,
        after: Rollout,
        rulebook: str,
        plan: str = "",
        approvals: tuple[Approval, ...] = (),
    ) -> Answer:
        """Write the change down, on the number of the last one, and make it."""
        try:
            self._validate(msgspec.json.encode(after))
        except NotSoundError as error:
            raise refused("wrong", "", str(error), "publish a sound rulebook") from error
        last = self._last()
        number = last.number + 1 if last else 1
        if last and last.deployment and self._deployments.is_under_way(last.deployment):
            raise refused(
                "conflict",
                "",
                "AppConfig still watches the last change for alarms",
                "wait some minutes, or roll it back",
            )
        now = self._clock.now()
        change = RuleChange(
            number,
            key,
            did,
            now,
            person.who,
            why,
            after,
            rulebook,
            before,
            person.role,
            plan,
            approvals,
        )
        about = {"rulebook": rulebook} | ({"plan": plan} if plan else {})
        try:
            self._table.transact(
                self._table.versioned(
                    self._table.put_document(_RULES, "LAST", {"number": number}), number - 1
                ),
                self._table.once(f"rules/{key}", {"number": number}),
                self._put(change),
                self._table.put_act(self._act(key, now, person, did, why, about)),
            )
        except (ConflictError, AlreadyDoneError) as error:
            raise refused(
                "conflict",
                "",
                "somebody else has changed what is in force just now",
                "escalon rules history; then decide again",
            ) from error
        return self._go_on(change, again=False)

    def _cut_short(self, in_force: Rollout | None) -> RuleChange | None:
        """The last change, if AppConfig has taken it and the accounts may not be looked at yet."""
        last = self._last()
        return last if last and last.state == "begun" and last.after == in_force else None

    def _finish(
        self, change: RuleChange, asked: Publication | Promotion | Rollback, person: Person
    ) -> Answer:
        """Go on with a change that was cut short, for somebody who asks for it under another
        key."""
        about = {"rulebook": change.rulebook}
        act = self._act(asked.key, self._clock.now(), person, change.did, asked.why, about)
        try:
            self._table.transact(
                self._table.once(f"rules/{asked.key}", {"number": change.number}),
                self._table.put_act(act),
            )
        except AlreadyDoneError as error:
            raise refused(
                "conflict", "key", "something was done under it just now", "ask with another key"
            ) from error
        return self._go_on(change, again=True)

    def _go_on(self, change: RuleChange, *, again: bool) -> Answer:
        """Make a change that is written down, or finish it."""
        if change.state == "refused":
            raise refused("conflict", "", change.problem, "mend it, and ask anew")
        if change.state == "begun":
            last = self._last()
            if last is None or last.number != change.number:
                raise refused(
                    "conflict", "", "somebody has changed what is in force since", "ask anew"
                )
            change = self._deployed(change)
            if change.before is not None:  # before the first one nobody was decided about
                self._replan(change)
            change = replace(change, state="in force")
            self._table.save(self._put(change))
        run_id = _run_id(change) if change.before is not None else ""
        told = {"number": change.number, "rulebook": change.rulebook, "run_id": run_id}
        return Answer(200, {"done": change.did, "again": again, **told, **_plain(change.after)})

    def _deployed(self, change: RuleChange) -> RuleChange:
        if self._deployments.in_force() == change.after:
            return change
        note = f"{change.did} {change.rulebook} ({change.number})"
        try:
            number = self._deployments.put(change.after, note, patience_seconds=PATIENCE_SECONDS)
        except RolloutRefusedError as error:
            change = replace(change, state="refused", problem=str(error)[:500])
            self._table.save(self._put(change))
            self._report("rollout_refused", {"rulebook": change.rulebook, "number": change.number})
            raise refused(
                "conflict", "", str(error), "what was in force stays; mend it, and ask anew"
            ) from error
        change = replace(change, deployment=number)
        self._table.save(self._put(change))
        return change

    def _replan(self, change: RuleChange) -> None:
        """Let every account that is due later be looked at by what is in force now. As of now, when
        it is deployed: a run that began before it does not see what is made due."""
        run = Run(
            _run_id(change),
            self._clock.now().replace(microsecond=0),
            change.rulebook,
            self._table.shards,
            change.after,
            kind="replan",
        )
        self._table.save(
            self._table.put_document(
                f"RUN#{run.run_id}", "RUN", run, due_shard="runs", look_at=run.run_id
            )
        )
        self._queue.send(
            [
                ReplanShard(run.run_id, run.as_of, f"due#{shard:03d}", change.after)
                for shard in range(run.shards)
            ]
        )

    # ---------------------------------------------------------------- what there is

    def _told(self) -> dict[str, Any]:
        in_force = self._deployments.in_force()
        changes = self._changes()
        told: dict[str, Any] = {
            "in_force": msgspec.to_builtins(in_force) if in_force else None,
            "taken_back": _taken_back(changes, in_force),
            "changes": msgspec.to_builtins(changes[:LISTED]),
        }
        return told

    def _changes(self) -> list[RuleChange]:
        """All changes, the newest first."""
        found = [
            msgspec.convert(document, RuleChange)
            for document in self._table.documents(_RULES, "CHANGE#")
        ]
        return found[::-1]

    def _begun_before(self, key: str) -> RuleChange | None:
        """The change that this key has begun."""
        done = self._table.load(f"CAUSE#rules/{key}", "CAUSE")
        if done is None or "number" not in done:
            return None
        return self._numbered(done["number"])

    def _put(self, change: RuleChange) -> dict[str, Any]:
        return self._table.put_document(_RULES, f"CHANGE#{change.number:06d}", change)

    def _last(self) -> RuleChange | None:
        """The change that was written down last."""
        last = self._table.load(_RULES, "LAST")
        return self._numbered(int(last["number"])) if last else None

    def _numbered(self, number: int) -> RuleChange | None:
        found = self._table.load(_RULES, f"CHANGE#{number:06d}")
        return msgspec.convert(found, RuleChange) if found else None

    @staticmethod
    def _act(
        key: str, at: datetime, person: Person, did: Done, why: str, about: dict[str, str]
    ) -> Act:
        return Act(key, at, person.who, did, why, about, person.role)


def _read[Asked: msgspec.Struct](body: bytes, form: type[Asked]) -> Asked:
    try:
        asked = msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise refused("wrong", "", str(error), "see docs/rules.md") from error
    for name in ("key", "why"):
        text = str(getattr(asked, name))
        if not text.strip() or len(text) > 500 or not text.isprintable():
            raise refused("wrong", name, "is missing, or no text of one line", "fill it")
    return asked


def _plain(rollout: Rollout) -> dict[str, Any]:
    return {"in_force": msgspec.to_builtins(rollout)}


def _run_id(change: RuleChange) -> str:
    return f"{instant(change.at)}-rules-{change.number}"


def _newest(in_force: Rollout) -> tuple[str, int]:
    """The version that was put in force last, and the share of the accounts that it is for."""
    return (in_force.canary, in_force.share) if in_force.canary else (in_force.live, FULL)


def _taken(change: RuleChange, in_force: Rollout | None) -> bool:
    """Whether AppConfig has taken a change: one that was cut short after that is still "begun"."""
    if change.state == "begun":
        return bool(change.deployment) or change.after == in_force
    return change.state == "in force"


def _taken_back(changes: list[RuleChange], in_force: Rollout | None) -> bool:
    """Whether AppConfig has taken the newest change back, as an alarm makes it do."""
    return bool(changes and _taken(changes[0], in_force) and changes[0].after != in_force)


def _one_before(changes: list[RuleChange], in_force: Rollout) -> str:
    """The version that was live before this one; this one if none was."""
    live = in_force.live
    for change in changes:
        before = change.before.live if change.before else live
        if _taken(change, in_force) and change.after.live == live and before != live:
            return before
    return live


def _once_live(changes: list[RuleChange], in_force: Rollout) -> set[str]:
    """The versions that were ever live. What was only asked for, or refused, was not."""
    taken = [change for change in changes if _taken(change, in_force)]
    before = {change.before.live for change in taken if change.before}
    return before | {change.after.live for change in taken}


def _another(one: str, other: str) -> bool:
    """Whether two ARNs are of two people. Somebody who takes on another role keeps the name of the
    session, which is the last part, whatever its case; a user's is the user's own."""
    return one.rpartition("/")[2].casefold() != other.rpartition("/")[2].casefold()
