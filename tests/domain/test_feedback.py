"""What a message is by all that carriers told of it: the table of states, whatever the order."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalon.domain.contact.feedback import (
    STEP_STATES,
    WEIGHT,
    Event,
    Feedback,
    Message,
    MessageState,
    Told,
    is_known,
    is_news,
    weightier,
    with_feedback,
)

AT = datetime(2026, 9, 7, 15, 0, tzinfo=UTC)
EVENTS: tuple[Event, ...] = get_args(Event.__value__)


def message(state: MessageState = "sending", **told: Told) -> Message:
    return Message(
        "m1", "a1", "andina", "email", "ana@example.com", "friendly", "reminder", "v1", AT, state,
        told=told,  # type: ignore[arg-type]
    )  # fmt: skip


def feedback(event: Event, **more: object) -> Feedback:
    return Feedback("email", event, AT, "ses-1", "a1", "m1", **more)  # type: ignore[arg-type]


# The events that move a message on from each state, to the state of the same name. No other does.
TABLE: dict[MessageState, str] = {
    "released": "sent delayed unconfirmed delivered complained failed rejected bounced",
    "sending": "sent delayed unconfirmed delivered complained failed rejected bounced",
    "unknown": "sent delayed unconfirmed delivered complained failed rejected bounced",
    "sent": "delayed unconfirmed delivered complained failed rejected bounced",
    "delayed": "unconfirmed delivered complained failed rejected bounced",
    "unconfirmed": "delivered complained failed rejected bounced",
    "delivered": "complained failed rejected bounced",
    "complained": "failed rejected bounced",
    "failed": "rejected bounced",
    "rejected": "bounced",
    "bounced": "",
}


@pytest.mark.parametrize("state", TABLE)
def test_the_table_of_transitions(state: MessageState) -> None:
    moving = {
        event
        for event in EVENTS
        if with_feedback(message(state), feedback(event), AT).state == event
    }
    assert moving - {state} == set(TABLE[state].split())
    for event in set(EVENTS) - moving:
        assert with_feedback(message(state), feedback(event), AT).state == state


def test_the_table_has_every_state() -> None:
    assert list(WEIGHT) == list(TABLE)


@pytest.mark.parametrize(
    ("state", "late"),
    [
        ("delivered", "sent"),
        ("delivered", "delayed"),
        ("delivered", "unconfirmed"),
        ("bounced", "sent"),
    ],
)
def test_what_comes_late_undoes_nothing(state: MessageState, late: Event) -> None:
    """A late "send" never undoes a delivery; nor does the answer of somebody who is on holiday."""
    assert with_feedback(message(state), feedback(late), AT).state == state


def test_a_bounce_may_follow_a_delivery() -> None:
    delivered = with_feedback(message("sent"), feedback("delivered"), AT)
    later = AT + timedelta(hours=1)
    bounced = with_feedback(delivered, feedback("bounced", reason="Permanent/General"), later)
    assert bounced.state == "bounced"
    assert bounced.told == {
        "delivered": Told(AT),
        "bounced": Told(later, "Permanent/General"),
    }


@given(st.sampled_from(WEIGHT[:4]), st.lists(st.sampled_from(EVENTS), max_size=6), st.randoms())
def test_any_order_and_any_number_of_times_end_the_same(
    first: MessageState, events: list[Event], lots: object
) -> None:
    def all_told(order: list[Event]) -> Message:
        def told(so_far: Message, event: Event) -> Message:
            if not is_news(so_far, feedback(event)):
                return so_far
            return with_feedback(so_far, feedback(event), AT)

        return reduce(told, order, message(first))

    shuffled = events * 2
    lots.shuffle(shuffled)  # type: ignore[attr-defined]
    assert all_told(shuffled) == all_told(events)


@pytest.mark.parametrize(
    ("state", "event", "news"),
    [
        ("sending", "sent", True),
        ("unknown", "sent", True),
        ("released", "sent", True),
        ("sent", "sent", False),
        ("delivered", "sent", False),
        ("sent", "delivered", True),
        ("bounced", "complained", True),  # it changes no state, and stops the channel all the same
    ],
)
def test_what_is_news(state: MessageState, event: Event, news: bool) -> None:
    assert is_news(message(state), feedback(event)) is news


def test_what_was_told_before_is_no_news() -> None:
    assert not is_news(message("sent", delayed=Told(AT)), feedback("delayed"))


def test_who_handed_it_over_does_not_undo_what_was_told_meanwhile() -> None:
    assert weightier("sent", "delivered") == "delivered"
    assert weightier("delivered", "sent") == "delivered"
    assert weightier("sending", "sent") == "sent"
    assert weightier("sent", "unknown") == "sent"


def test_a_person_is_needed_only_where_nobody_knows() -> None:
    assert [state for state in WEIGHT if not is_known(state)] == [
        *("released", "sending", "unknown", "unconfirmed")
    ]


def test_l10_only_what_arrived_counts_as_delivered() -> None:
    """A severe step needs the milder one delivered, and a bounce goes on by another channel."""
    assert {event for event in EVENTS if STEP_STATES[event] == "delivered"} == {
        "delivered",
        "complained",
    }
    assert {event for event in EVENTS if STEP_STATES[event] == "failed"} == {
        *("failed", "rejected", "bounced")
    }
    assert STEP_STATES["unconfirmed"] == "unknown"
