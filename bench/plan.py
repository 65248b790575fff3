"""A plan over a whole book: 100,000 accounts, 60 days, two rulebooks, as many processes as cores.

The book is made up: debts from 20 days before due to 150 after, one to five receivables each, as a
book in use looks whose history was left out. The floor is what no plan can do without: reading each
account, and one decision about it by each rulebook.

    python -m bench plan
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from bench.book import AS_OF, CONFIG, account
from escalon.authoring.rulebook import load_rulebook, sealed
from escalon.domain.decisions.engine import decide
from escalon.domain.rules.rulebook import Rulebook, Strategy
from escalon_cli.rules import book
from escalon_cli.rules.plan import Planned, plan_of

ACCOUNTS = 100_000
FEW = 4_000  # for figures of one core
DAYS = 60


def lines(count: int) -> Iterator[book.Line]:
    """Accounts as a book in use has them; every tenth has a ladder of its own."""
    lots = random.Random(20260901)
    for number in range(count):
        made = account(number, oldest_days=lots.randint(-20, 150))
        kept = made.receivables[: lots.choice((1, 1, 2, 3, 5))]
        tags = ("vip",) if number % 10 == 0 else ()
        yield book.Line(book.bare(replace(made, receivables=kept, tags=tags)))


def earlier(rulebook: Rulebook, name: str) -> Rulebook:
    """A draft in which every message of one ladder that comes after the due date comes a day
    earlier."""

    def moved(strategy: Strategy) -> Strategy:
        if strategy.strategy != name:
            return strategy
        steps = (replace(s, day=s.day - 1) if s.day > 1 else s for s in strategy.steps)
        return replace(strategy, steps=tuple(steps))

    return sealed(replace(rulebook, strategies=tuple(moved(s) for s in rulebook.strategies)))


def _floor(file: Path, one: Rulebook, other: Rulebook) -> float:
    began = time.process_time()
    for stretch in book.stretches(file, FEW):
        for _, line in book.read(file, stretch):
            decide(line.account, one, AS_OF)
            decide(line.account, other, AS_OF)
    return time.process_time() - began


def main() -> None:
    """Print how long a plan takes, by one core and by all, beside the floor."""
    in_force = load_rulebook(CONFIG, try_messages=False)
    header = book.Header(book.FORM, AS_OF, "bench", in_force)
    standard, vip = earlier(in_force, "standard"), earlier(in_force, "vip")
    with tempfile.TemporaryDirectory() as folder:
        few, all_of_them = Path(folder) / "few.jsonl", Path(folder) / "book.jsonl"
        book.write(few, header, lines(FEW))
        book.write(all_of_them, header, lines(ACCOUNTS))
        bare = _floor(few, in_force, standard)
        print(f"one core, {FEW:,} accounts, {DAYS} days{'accounts/s':>22}{'× floor':>10}")
        print(f"{'floor: read, decide twice':<46}{FEW / bare:>10,.0f}{1:>10.1f}")
        for name, draft in (
            ("every account by both rulebooks", standard),
            ("one account in ten is touched", vip),
        ):
            began = time.process_time()
            plan_of(draft, few, days=DAYS, processes=1)
            taken = time.process_time() - began
            print(f"{name:<46}{FEW / taken:>10,.0f}{taken / bare:>10.1f}")
        cores = os.cpu_count() or 1
        print(f"\n{cores} processes, {ACCOUNTS:,} accounts, {DAYS} days")
        for name, draft in (("every account by both", standard), ("one in ten", vip)):
            clock = time.perf_counter()
            planned = plan_of(draft, all_of_them, days=DAYS)
            seconds = time.perf_counter() - clock
            print(f"{name:<24}{timedelta(seconds=round(seconds))!s:>9}   {_told(planned)}")


def _told(planned: Planned) -> str:
    figures = planned.figures
    messages = sum(figures.draft.messages.values())
    return (
        f"{figures.changed:,} change; {messages:,} messages, "
        f"{figures.kinds.get('breach', 0)} breaches"
    )


if __name__ == "__main__":
    main()
