"""What can be done with a local stack alone, and what is said to whoever tries it elsewhere."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from escalon.adapters.clock import TableClock
from escalon_cli.deployed import Deployed
from escalon_cli.local import simulate
from escalon_cli.local.checkout import Checkout
from escalon_cli.local.simulate import NotSimulatedError, wanted
from escalon_cli.local.stack import StackInfo
from escalon_cli.replay import clock
from escalon_cli.replay.play import ReplayError, sweeps_of
from tests.domain.test_agreement import HUNDRED, plan
from tests.doubles.world import TABLE, World, debtor, receivable

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
BOGOTA = ZoneInfo("America/Bogota")
TODAY = date(2026, 9, 20)
OWING = debtor("a1", receivable("r1", late=3), receivable("r2", late=40, open_minor=500_00))
BEGUN = Checkout("stripe-C1", "stripe", "C1", 700_00, "COP", "Pago", "http://127.0.0.1/p")


def deployed(world: World, *, embedded: bool = True) -> Deployed:
    outputs: dict[str, Any] = {"Table": TABLE, "ShardCount": "1"}
    url = "http://127.0.0.1:9"
    info = StackInfo("replay", url, url, url, 9, 9, auth=False, folder=Path())
    return Deployed("replay", outputs, lambda _: world.dynamo, info if embedded else None)


# -------------------------------------------------------------------------------------- clock


def run(stack: Deployed, *words: str) -> Result:
    app = clock.commands(lambda _: stack, nullcontext)
    return CliRunner().invoke(app, [*words])


@pytest.mark.parametrize("words", [("forward",), ("forward", "--days", "3", "--to", "2026-12-05")])
def test_it_has_to_be_said_how_far_and_once(words: tuple[str, ...]) -> None:
    refused = run(deployed(World()), *words)
    assert str(refused.exception) == "say how far: either --days 7 or --to 2026-12-05"


def test_the_real_time_is_nobodys_to_move() -> None:
    refused = run(deployed(World()), "forward", "--days", "3")
    assert isinstance(refused.exception, ReplayError)
    assert str(refused.exception) == (
        "replay goes by the real time, which nobody can move; "
        "`escalon run` leaves a stack with a clock of its own"
    )


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (date(2026, 11, 20), "the clock stands at 2026-11-20 09:00 already; it goes forward only"),
        (date(2026, 11, 1), "the clock stands at 2026-11-20 09:00 already; it goes forward only"),
        (date(2027, 12, 26), "2027-12-26 is more than 400 days on; go there in parts"),
    ],
)
def test_a_clock_goes_forward_and_not_for_ever(last: date, said: str) -> None:
    stack = deployed(World())
    TableClock(stack.table).set(AT)
    with pytest.raises(ReplayError, match=said):
        clock.forward(stack, last, [time(9)], BOGOTA, lambda *_: None)
    assert stack.now() == AT


def test_a_time_of_day_that_is_none_is_said_so() -> None:
    with pytest.raises(ReplayError, match="'9h' is not a time of day; write it like 09:00"):
        clock.time_of("9h")


def test_sweeps_keep_their_hour_over_a_change_of_the_clocks() -> None:
    zone = ZoneInfo("America/New_York")
    found = list(sweeps_of(date(2025, 3, 8), date(2025, 3, 9), [time(9)], zone))
    assert [f"{at:%d %H:%M}" for at in found] == ["08 14:00", "09 13:00"]


def test_a_stack_whose_clock_was_never_set_goes_by_the_real_time() -> None:
    stack = deployed(World())
    assert abs((stack.now() - datetime.now(UTC)).total_seconds()) < 60
    TableClock(stack.table).set(AT)
    assert stack.now() == AT


# --------------------------------------------------------------------------- simulated payments


def test_in_aws_only_a_provider_tells_of_payments() -> None:
    with pytest.raises(NotSimulatedError, match="is in AWS, where only a provider tells"):
        simulate.pay(deployed(World(), embedded=False), "a1")


def test_what_was_begun_on_the_page_last_is_paid_first() -> None:
    promised = replace(OWING, agreements=(plan(),))
    older = replace(BEGUN, reference="C0", amount_minor=1)
    found = wanted(promised, [older, BEGUN], TODAY)
    assert (found.reference, found.amount_minor, found.currency) == ("C1", 700_00, "COP")


def test_else_what_an_agreement_asks_for_next() -> None:
    found = wanted(replace(OWING, agreements=(plan(),)), [], TODAY)
    assert (found.reference, found.amount_minor) == ("r1", HUNDRED)
    assert found.what == "the instalment of 2026-10-01"


def test_else_the_oldest_receivable() -> None:
    found = wanted(OWING, [], TODAY)
    assert (found.reference, found.amount_minor) == ("r2", 500_00)


def test_what_is_named_is_paid_and_no_more_than_is_said() -> None:
    found = wanted(OWING, [BEGUN], TODAY, "250.50", receivable="r1")
    assert (found.reference, found.amount_minor) == ("r1", 250_50)
    found = wanted(OWING, [BEGUN], TODAY, "10", reference="ANY-1")
    assert (found.reference, found.amount_minor, found.creditor) == ("ANY-1", 10_00, "andina")
    assert wanted(OWING, [BEGUN], TODAY, reference="C1").amount_minor == 700_00


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"receivable": "r1", "reference": "C1"}, "say one of --receivable, --agreement and"),
        ({"receivable": "r9"}, "ref-a1 has nothing to pay under r9"),
        ({"agreement": "g9"}, "ref-a1 has nothing to pay under g9"),
        ({"reference": "ANY-1"}, "say how much"),
        ({"amount": "ten"}, "'ten' is no amount; write it like 57850.50"),
        ({"amount": "1.005"}, "'1.005' is no amount"),
        ({"amount": "0"}, "say how much"),
        ({"amount": "-5"}, "say how much"),
    ],
)
def test_what_cannot_be_paid_is_said_in_words(asked: dict[str, str], said: str) -> None:
    with pytest.raises(NotSimulatedError, match=said):
        wanted(OWING, [], TODAY, **asked)


def test_who_owes_nothing_pays_nothing() -> None:
    with pytest.raises(NotSimulatedError, match="ref-a1 has nothing to pay"):
        wanted(replace(OWING, receivables=()), [], TODAY)


def test_the_command_is_there() -> None:
    app = typer.Typer()
    simulate.register(app, lambda _: deployed(World(), embedded=False), nullcontext)
    refused = CliRunner().invoke(app, ["a1"])
    assert isinstance(refused.exception, NotSimulatedError)
