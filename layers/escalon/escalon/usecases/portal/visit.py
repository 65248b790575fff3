"""The debtor's page: from a message's link to everything that a debtor can do alone.

    link → identity check → session → pages; what binds somebody is confirmed by a one-time code

A page that is read changes nothing, since mail programs open links by themselves. Every change is a
POST with the session's token and answers with a redirect, so that going back or loading again sends
nothing twice. What needs no session is for whoever holds the link, and shows no amount and no name.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from msgspec.structs import replace

from escalon.failures import described
from escalon.messages.context import in_locale
from escalon.messages.plain import lines_of
from escalon.pages import payment as link_pages
from escalon.pages import portal as pages
from escalon.pages.page import Page
from escalon.pages.payment import Button
from escalon.pages.words import LANGUAGES, language_of
from escalon.usecases.payments.payment_link import (
    OFFERS_PATH,
    Opened,
    OpenPaymentLink,
    Visit,
    link_key,
)
from escalon.usecases.portal.account import AccountPages
from escalon.usecases.portal.acts import (
    LONGEST_TEXT,
    PortalActs,
    Treated,
    Wish,
    pause_until,
)
from escalon.usecases.portal.agreements import AgreementPages
from escalon.usecases.portal.codes import Codes, masked
from escalon.usecases.portal.disputes import DisputePages
from escalon.usecases.portal.door import Doors, answers
from escalon.usecases.portal.forms import HOURS, hours_of, is_wider, week_of
from escalon.usecases.portal.own_agreements import OwnAgreementPages
from escalon.usecases.portal.room import Room
from escalon.usecases.portal.session import Session, Sessions, cookie_header, is_name

if TYPE_CHECKING:
    from escalon.adapters.table import Table

ONE_CLICK = "One-Click"  # RFC 8058: what a mail program posts in the field List-Unsubscribe
# Stopping a channel only ever lessens what is sent, so a link that is over is good for it too.
_STOP = "stop"
_CONFIRM = "confirm"  # what a code is for that confirms a session
# Where somebody goes on who has confirmed that it is them, and what goes along.
_ONWARD = {"dispute": ("line",), "settings": ("channels", "hours", "weekdays", "language")}
_ANSWERS: tuple[Treated, ...] = ("well", "fair", "badly")
_CHANNELS = ("email", "sms", "whatsapp")

type _Get = Callable[[Room], Page | None]
type _Post = Callable[[Room, str], Page]


class VisitPortal:
    """Answer a debtor's browser. `report` is told of what failed, by type alone."""

    def __init__(
        self,
        table: "Table",
        links: OpenPaymentLink,
        sessions: Sessions,
        doors: Doors,
        codes: Codes,
        acts: PortalActs,
        account: AccountPages,
        agreements: AgreementPages,
        own: OwnAgreementPages,
        disputes: DisputePages,
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._table = table
        self._links = links
        self._sessions = sessions
        self._doors = doors
        self._codes = codes
        self._acts = acts
        self._disputes = disputes
        self._report = report
        # Behind the identity check.
        self._shown: Mapping[str, _Get] = {
            "": account.overview,
            "offers": agreements.offers,
            "promise": agreements.promise,
            "plan": agreements.plan,
            "accept": agreements.accept,
            "agreements": own.all,
            "agreement": own.one,
            "paper": own.paper,
            "decline": own.ask_decline,
            "statement": account.statement,
            "payments": account.payments,
            "receipt": account.receipt,
            "dispute": self._show_dispute,
            "upload": self._show_upload,
            "ask": self._show_ask,
            "help": self._show_help,
            "settings": self._show_settings,
            "feedback": self._show_feedback,
            "confirm": self._show_confirm,
        }
        self._taken: Mapping[str, _Post] = {
            "accept": agreements.take,
            "decline": own.decline,
            "dispute": self._take_dispute,
            "ask": self._take_ask,
            "help": self._take_help,
            "settings": self._take_settings,
            "feedback": self._take_feedback,
            "confirm": self._take_confirm,
            "out": self._sign_out,
        }

    def get(self, visit: Visit, page: str) -> Page:
        """Show a page."""
        return self._links.answered(
            visit, lambda opened: self._get(visit, opened, page), over=page == _STOP
        )

    def post(self, visit: Visit, page: str) -> Page:
        """Take a form."""
        return self._links.answered(
            visit, lambda opened: self._post(visit, opened, page), over=page == _STOP
        )

    # ---------------------------------------------------------------- who is there

    def _get(self, visit: Visit, opened: Opened, page: str) -> Page:
        room = self._room(visit, opened, page)
        if page == "" and "back" in visit.query:
            return link_pages.back(room.reader, visit.code)
        if page == _STOP:
            return self._show_stop(room)
        if page == "other":
            return self._show_other(room)
        if room.session is None:
            notice = "left" if visit.query.get("done") == "out" else ""
            return self._door(room, notice=notice)
        return self._guarded(room, lambda: self._look(room, page))

    def _look(self, room: Room, page: str) -> Page:
        shown = self._shown.get(page)
        found = shown(room) if shown else None
        if found is not None:
            return found
        view = pages.Confirm(title=room.say("no_page_title"), paragraphs=(room.say("no_page"),))
        return room.show(view, status=404)

    def _post(self, visit: Visit, opened: Opened, page: str) -> Page:
        room = self._room(visit, opened, page)
        if page == _STOP:
            return self._guarded(room, lambda: self._take_stop(room))
        if page == "other":
            return self._take_other(room)
        if page == "enter":
            return self._enter(room)
        session, taken = room.session, self._taken.get(page)
        if session is None or taken is None:
            return self._door(room, notice="ended", status=403)
        if not self._sessions.is_own_form(session, visit.typed("token")):
            return self._door(replace(room, session=None, token=""), notice="ended", status=403)
        key = visit.typed("key")
        if not is_name(key):
            key = self._sessions.fresh()
        return self._guarded(room, lambda: taken(room, key))

    def _guarded(self, room: Room, answer: Callable[[], Page]) -> Page:
        """A page of ours that says so if something fails; nothing is half done, since every change
        is one transaction."""
        try:
            return answer()
        except Exception as error:
            self._report("page_failed", {"page": room.page, **described(error)})
            again = Button(room.visit.path, room.say("home"))
            title, words = room.say("try_later_title"), room.say("try_later")
            view = pages.Confirm(title=title, paragraphs=(words,), link=again)
            return room.show(view, status=503)

    def _room(self, visit: Visit, opened: Opened, page: str) -> Room:
        session = self._sessions.read(visit.cookies, visit.code, opened.now)
        reader, asked = opened.reader, visit.query.get("lang", "") or visit.typed("lang")
        spoken = session.language if session else reader.language
        if asked in LANGUAGES:
            spoken = asked
        room = Room(
            visit=visit,
            opened=opened,
            reader=replace(reader, language=language_of(spoken)),
            page=page,
            key=self._sessions.fresh(),
        )
        return self._seated(room, session) if session else room

    def _seated(self, room: Room, session: Session) -> Room:
        """The room of a session, which lasts anew from here on."""
        until = room.opened.now + self._sessions.lasts
        session = replace(session, language=room.reader.language, until=until)
        headers = cookie_header(
            self._sessions.written(session),
            room.visit.path,
            self._sessions.lasts,
            secure=room.visit.secure,
        )
        token = self._sessions.token(session)
        return replace(room, session=session, token=token, headers=headers)

    # ---------------------------------------------------------------- the door

    def _door(
        self,
        room: Room,
        *,
        notice: str = "",
        problem: str = "",
        status: int = 200,
    ) -> Page:
        right = answers(room.account.source_ref)
        creditor = room.opened.creditor
        view = pages.Door(
            can_answer=bool(right),
            numeric=all(answer.isdecimal() for answer in right),
            ways=room.quiet_pay_buttons(),
            has_agreement=room.opened.has_agreement,
            nothing_open=not room.opened.owed,
            other_ways=lines_of(in_locale(creditor.pay_instructions, room.opened.reader.locale)),
            to=_wanted(room),
            problems={"answer": room.say(problem).rstrip(".")} if problem else {},
        )
        if not notice and room.opened.is_awaited:
            notice = "awaited_short"
        return room.show(view, notice=notice, status=status, forms=room.checkout_forms)

    def _enter(self, room: Room) -> Page:
        account, link = room.account, room.opened.link
        found = self._doors.answer(
            account, room.visit.typed("answer"), room.opened.now, self._sessions
        )
        if found != "right":
            return self._door(room, problem=f"door_{found}", status=403)
        self._acts.verified(account.account_id, link.message_id, link.channel)
        session = self._sessions.open(room.visit.code, room.reader.language, room.opened.now)
        return self._seated(room, session).go(_wanted(room))

    def _sign_out(self, room: Room, key: str) -> Page:  # noqa: ARG002 - signing out needs no name
        gone = cookie_header("", room.visit.path, timedelta(), secure=room.visit.secure)
        return replace(room, headers=gone).go(done="out")

    # ---------------------------------------------------------------- for whoever holds the link

    def _show_stop(self, room: Room) -> Page:
        channel = room.say(f"by_{self._channel(room)}")
        if room.visit.query.get("done") == "stop":
            return self._stopped(room)
        view = pages.Confirm(
            title=room.say("stop_title"),
            paragraphs=(room.say("stop", creditor=room.opened.creditor.name, channel=channel),),
            button=Button(f"{room.visit.path}/stop", room.say("stop_button", channel=channel)),
        )
        return room.show(view)

    def _take_stop(self, room: Room) -> Page:
        """A mail program posts with one click, reads no page and may not be sent on (RFC 8058,
        section 3.1); a person's form is, like any other. Neither has to show who they are: stopping
        is never made hard."""
        one_click = ONE_CLICK in room.visit.form.get("List-Unsubscribe", ())
        link = room.opened.link
        how = "one_click" if one_click else "page"
        self._acts.stop(link.account_id, self._channel(room), link.message_id, how)
        return self._stopped(room) if one_click else room.go(_STOP, done="stop")

    def _stopped(self, room: Room) -> Page:
        words = room.say("stop_done", channel=room.say(f"by_{self._channel(room)}"))
        return room.show(pages.Confirm(title=room.say("stop_done_title"), paragraphs=(words,)))

    def _channel(self, room: Room) -> str:
        """The channel by which the link's message came."""
        link = room.opened.link
        if link.channel:
            return link.channel
        return str(self._message(room).get("channel", "email"))

    def _message(self, room: Room) -> dict[str, Any]:
        link = room.opened.link
        return self._table.load(f"A#{link.account_id}", f"M#{link.message_id}") or {}

    def _show_other(self, room: Room) -> Page:
        view = pages.Confirm(
            title=room.say("not_me_title"),
            paragraphs=(room.say("not_me"),),
            button=Button(f"{room.visit.path}/other", room.say("not_me_button")),
        )
        return room.show(view)

    def _take_other(self, room: Room) -> Page:
        """The address is closed first: if the link outlives that, nothing is said to it again."""
        link, to = room.opened.link, str(self._message(room).get("to", ""))
        self._acts.wrong_person(link.account_id, self._channel(room), to, link.message_id)
        revoked = replace(link, revoked_at=room.opened.now)
        self._table.save(
            self._table.put_document(*link_key(room.visit.code), revoked, expires=link.expires)
        )
        title, words = room.say("not_me_done_title"), room.say("not_me_done")
        gone = cookie_header("", room.visit.path, timedelta(), secure=room.visit.secure)
        view = pages.Confirm(title=title, paragraphs=(words,))
        return replace(room, headers=gone, token="").show(view)

    # ---------------------------------------------------------------- codes that confirm a session

    def _show_confirm(self, room: Room, problems: Mapping[str, str] | None = None) -> Page:
        found = self._codes.points(room.account, room.rulebook, room.opened.now)
        challenge = self._codes.open_challenge(room.visit.code)
        sent_to = ""
        if challenge is not None and challenge.about == _CONFIRM and not challenge.used:
            named = (p for p in room.account.points if p.point_id == challenge.point_id)
            sent_to = next((masked(point) for point in named), "")
        done = room.visit.query.get("done", "")
        query = {name: text for name, text in room.visit.query.items() if name != "done"}
        view = pages.Code(
            page="confirm",
            query=urlencode(query),
            points=[pages.Point(p.point_id, room.named(p)) for p in found],
            sent_to=sent_to,
            problems=problems or {},
        )
        notice = f"code_{done}" if done in ("too_soon", "too_many", "not_sent", "why") else ""
        return room.show(view, notice=notice, status=422 if problems else 200)

    def _take_confirm(self, room: Room, key: str) -> Page:  # noqa: ARG002 - a code is good once
        to = room.visit.query.get("to", "")
        to = to if to in _ONWARD else "dispute"
        query = _known(room.visit.query, *_ONWARD[to])
        account, link, now = room.account, room.opened.link, room.opened.now
        if room.visit.typed("code"):
            typed, challenge = self._codes.take(
                room.visit.code, _CONFIRM, room.visit.typed("code"), now
            )
            if typed != "right":
                return self._show_confirm(room, {"code": room.say(f"code_{typed}").rstrip(".")})
            self._acts.confirmed(account.account_id, link.message_id, challenge.point_id, _CONFIRM)
            # Another name than before, so that who saw the old one has nothing.
            session = self._sessions.open(
                room.visit.code, room.reader.language, now, confirmed=True
            )
            return self._seated(room, session).go(to, **query)
        wanted = room.visit.typed("point")
        found = self._codes.points(account, room.rulebook, now)
        point = next((one for one in found if one.point_id == wanted), None)
        if point is None:
            return self._show_confirm(room, {"point": room.say("code_where")})
        sent = self._codes.send(
            room.visit.code,
            account,
            room.opened.creditor,
            point,
            room.reader.language,
            now,
            about=_CONFIRM,
            rulebook=room.rulebook,
        )
        return room.go("confirm", to=to, **query, **({} if sent == "sent" else {"done": sent}))

    # ---------------------------------------------------------------- disputes

    def _show_dispute(self, room: Room) -> Page:
        if room.session is None or not room.session.confirmed:
            return room.go("confirm", **_known(room.visit.query, "line"))
        return self._disputes.show(room)

    def _show_upload(self, room: Room) -> Page | None:
        if room.session is None or not room.session.confirmed:
            return room.go("confirm")
        return self._disputes.upload(room)

    def _take_dispute(self, room: Room, key: str) -> Page:
        if room.session is None or not room.session.confirmed:
            return room.go("confirm")
        return self._disputes.take(room, key)

    # ---------------------------------------------------------------- questions, help, feedback

    def _show_ask(self, room: Room, problems: Mapping[str, str] | None = None) -> Page:
        view = pages.Ask(text=room.visit.typed("text"), problems=problems or {})
        return room.show(view, status=422 if problems else 200)

    def _take_ask(self, room: Room, key: str) -> Page:
        text = room.visit.typed("text")
        problem = "" if text else "ask_empty"
        problem = "too_long" if len(text) > LONGEST_TEXT else problem
        if problem:
            return self._show_ask(room, {"text": room.say(problem)})
        self._acts.ask(room.account.account_id, room.opened.link.creditor, text, key=key)
        return room.go(done="ask")

    def _show_help(self, room: Room, problems: Mapping[str, str] | None = None) -> Page:
        until = pause_until(room.account, room.rulebook, room.opened.today)
        view = pages.Help(until=until, text=room.visit.typed("text"), problems=problems or {})
        return room.show(view, status=422 if problems else 200)

    def _take_help(self, room: Room, key: str) -> Page:
        text = room.visit.typed("text")
        if len(text) > LONGEST_TEXT:
            return self._show_help(room, {"text": room.say("too_long")})
        creditor = room.opened.link.creditor
        self._acts.ask_for_help(
            room.account.account_id, creditor, text, key=key, rulebook=room.rulebook
        )
        return room.go(done="help")

    def _show_feedback(self, room: Room, problems: Mapping[str, str] | None = None) -> Page:
        view = pages.Feedback(
            answers=_ANSWERS,
            chosen=room.visit.typed("how"),
            text=room.visit.typed("text"),
            problems=problems or {},
        )
        return room.show(view, status=422 if problems else 200)

    def _take_feedback(self, room: Room, key: str) -> Page:
        how, text = room.visit.typed("how"), room.visit.typed("text")
        problems = {} if how in _ANSWERS else {"how": room.say("feedback_choose")}
        if len(text) > LONGEST_TEXT:
            problems["text"] = room.say("too_long")
        if problems:
            return self._show_feedback(room, problems)
        creditor = room.opened.link.creditor
        treated = cast("Treated", how)
        self._acts.feedback(room.account.account_id, creditor, treated, text, key=key)
        return room.go(done="feedback")

    # ---------------------------------------------------------------- how to be reached

    def _show_settings(self, room: Room) -> Page:
        channels, query = _channels(room), room.visit.query
        hours, weekdays = hours_of(room.account.hours)
        notice = ""
        if "channels" in query:  # chosen before it was clear that it is them
            wanted = query["channels"].split(",")
            channels = [replace(one, wanted=one.channel in wanted) for one in channels]
            if query.get("hours") in HOURS:
                hours, weekdays = query["hours"], bool(query.get("weekdays"))
            notice = "settings_again"
        view = pages.Settings(
            channels=channels,
            hours=(*HOURS, *(("keep",) if hours == "keep" else ())),
            chosen_hours=hours,
            weekdays=weekdays,
            languages=LANGUAGES,
            chosen_language=language_of(room.account.language, room.reader.language),
        )
        return room.show(view, notice=notice)

    def _take_settings(self, room: Room, key: str) -> Page:
        """What lets us say less is done at once. What lets us say more than before, a channel or
        hours that they had closed, needs a session that is confirmed: for it they are sent there
        with what they chose."""
        form, account, offered = room.visit, room.account, _channels(room)
        wanted = set(form.form.get("channel", ()))
        allowed = [one.channel for one in offered if one.channel in wanted and not one.wanted]
        hours = account.hours
        if form.typed("hours") in HOURS:
            hours = week_of(form.typed("hours"), weekdays=bool(form.typed("weekdays")))
        language = form.typed("language")
        if language not in LANGUAGES or language == language_of(account.language):
            language = account.language or language  # keeps its country, as in es-CO
        wider = is_wider(hours, account.hours)
        is_sure = room.session is not None and room.session.confirmed
        wish = Wish(
            refused=tuple(one.channel for one in offered if one.channel not in wanted),
            allowed=tuple(allowed) if is_sure else (),
            hours=hours if is_sure or not wider else account.hours,
            language=language,
        )
        self._acts.prefer(account.account_id, wish, key=key, rulebook=room.rulebook)
        spoken = language_of(language)
        session = room.session
        if session is not None:
            reader = replace(room.reader, language=spoken)
            room = self._seated(replace(room, reader=reader), session)
        if is_sure or not (allowed or wider):
            return room.go(done="settings")
        chosen = ",".join(one.channel for one in offered if one.channel in wanted)
        typed = {name: form.typed(name) for name in ("hours", "weekdays", "language")}
        return room.go("confirm", to="settings", channels=chosen, **typed, done="why")


def _channels(room: Room) -> list[pages.ChannelChoice]:
    found = []
    for channel in _CHANNELS:
        points = [p for p in room.account.points if p.channel == channel and not p.failed]
        if points:
            wanted = channel not in room.account.refused_channels and any(
                point.consent is None or point.consent.stands for point in points
            )
            addresses = ", ".join(masked(point) for point in points)
            found.append(pages.ChannelChoice(channel, addresses, wanted))
    return found


def _wanted(room: Room) -> str:
    """The page to which a message led before the identity check, and leads after it."""
    to = room.visit.typed("to") or room.page
    return to if f"/{to}" == OFFERS_PATH else ""


def _known(query: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: query[name] for name in names if name in query}
