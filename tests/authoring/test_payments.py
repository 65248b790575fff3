"""Money as operators write it: what the shipped files become, and what may be left out."""

import shutil
from datetime import date
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon.domain.rules.rulebook import (
    Allocation,
    InterestTerms,
    Payments,
    ProviderKind,
    Rate,
    Rulebook,
)
from escalon.providers.provider import Asked, OpensCheckouts, PaysOnline
from escalon.providers.registry import KINDS, module_of
from escalon.providers.standard_webhooks import check_mapping

ROOT = Path(__file__).parents[2]
PAYMENTS = "payments.yaml"
USURY = "rates/co_usura_consumo.yaml"


@pytest.fixture(scope="module")
def shipped() -> Rulebook:
    return load_rulebook(ROOT / "config", try_messages=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook, to be changed."""
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


def changed(config: Path, file: str, old: str, new: str) -> Rulebook:
    """The rulebook with one place changed."""
    path = config / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return load_rulebook(config, try_messages=False)


# --- payments ------------------------------------------------------------------------------------


def test_the_shipped_providers_show_every_kind_in_a_sandbox(shipped: Rulebook) -> None:
    providers = shipped.payments.providers
    assert {each.kind for each in providers.values()} == set(KINDS)
    assert {each.environment for each in providers.values()} == {"sandbox"}
    assert {each.creditor for each in providers.values()} == {"andina", "cordillera"}
    assert all(name == each.provider for name, each in providers.items())


def test_a_checkout_is_offered_where_a_kind_has_one(shipped: Rulebook) -> None:
    """L24: what can be said about a provider is what its module does."""
    for each in shipped.payments.providers.values():
        module = module_of(each.kind)
        assert isinstance(module, PaysOnline | OpensCheckouts) == bool(each.currencies)
        assert isinstance(module, Asked) == bool(each.api)


def test_the_kinds_that_may_be_written_are_those_that_are_spoken() -> None:
    """L24"""
    assert set(get_args(ProviderKind.__value__)) == set(KINDS)


def test_how_old_a_signature_may_be_follows_from_the_kind(shipped: Rulebook) -> None:
    assert {each.kind: each.tolerance_seconds for each in shipped.payments.providers.values()} == {
        "stripe": 300,
        "standard_webhooks": 300,
        "wompi": 90_000,
        "mercadopago": 0,
        "payu": 0,
        "epayco": 0,
    }


@pytest.mark.parametrize(
    ("words", "seconds"), [("1 second", 1), ("10 minutes", 600), ("25 hours", 90_000)]
)
def test_or_from_what_an_operator_says(config: Path, words: str, seconds: int) -> None:
    old = "    currencies: [USD]\n"
    loaded = changed(config, PAYMENTS, old, f"{old}    tolerance: {words}\n")
    assert loaded.payments.providers["andina-stripe"].tolerance_seconds == seconds


def test_a_provider_is_compiled_whole(shipped: Rulebook) -> None:
    payu = shipped.payments.providers["andina-payu"]
    assert (payu.provider, payu.kind, payu.creditor) == ("andina-payu", "payu", "andina")
    assert (payu.environment, payu.currencies) == ("sandbox", ("COP", "USD"))
    assert payu.api.startswith("https://sandbox.api.payulatam.com")
    assert payu.merchant["merchant_id"] == "508029"
    assert payu.mapping == {}


def test_a_stand_in_may_be_asked_without_encryption_in_a_sandbox(config: Path) -> None:
    old = "api: https://api.stripe.com "
    loaded = changed(config, PAYMENTS, old, "api: http://127.0.0.1:8123 ")
    assert loaded.payments.providers["andina-stripe"].api == "http://127.0.0.1:8123"


def test_a_provider_may_be_shared_by_several_creditors(config: Path) -> None:
    old = "    creditor: andina\n    api: https://api.stripe.com "
    loaded = changed(config, PAYMENTS, old, "    api: https://api.stripe.com ")
    assert loaded.payments.providers["andina-stripe"].creditor == ""


def test_a_senders_mapping_is_one_that_its_module_can_use(shipped: Rulebook) -> None:
    mapping = shipped.payments.providers["cordillera-gateway"].mapping
    assert check_mapping(mapping) == []
    assert mapping["kinds"]["payment.refunded"] == "refunded"
    assert "case" not in mapping  # what is left out is not there


def test_the_rules_of_taking_money_become_what_they_say(shipped: Rulebook) -> None:
    payments = shipped.payments
    assert (payments.awaited_hours, payments.same_within_days) == (24, 3)
    assert payments.receipts is True
    assert payments.feeds == {}
    assert payments.allocation == {
        "CO": Allocation(("fee", "tax", "interest", "principal"), named_first=True),
        "US": Allocation(("fee", "tax", "interest", "principal"), named_first=True, held="never"),
        "*": Allocation(("fee", "tax", "interest", "principal"), named_first=True),
    }
    assert payments.authority == {
        "*": {"COP": 5_000_000, "USD": 1_000},
        "supervisor": {"COP": 100_000_000, "USD": 25_000},
    }
    assert all(creditor.feeds == () for creditor in shipped.creditors.values())
    assert all(creditor.interest is None for creditor in shipped.creditors.values())


def test_another_country_may_settle_in_another_order(config: Path) -> None:
    """L16: the order of allocation is a rule."""
    old = '  "*":\n    order: [fee, tax, interest, principal]\n    named_first: yes'
    new = '  "*":\n    order: [principal, interest, tax, fee]\n    named_first: no'
    loaded = changed(config, PAYMENTS, old, new)
    assert loaded.payments.allocation["*"] == Allocation(
        ("principal", "interest", "tax", "fee"), named_first=False
    )
    assert loaded.allocation_for("andina").order[0] == "fee"
    assert loaded.allocation_for("nobody").order[0] == "principal"


def test_a_creditor_waits_for_the_feeds_it_names(config: Path) -> None:
    """L7"""
    changed(config, PAYMENTS, "# feeds:\n#   bank-payments:", "feeds:\n  bank-payments:")
    old = "    # feeds: [bank-payments]"
    loaded = changed(config, "creditors.yaml", old, "    feeds: [bank-payments]")
    assert loaded.payments.feeds == {"bank-payments": 84}
    assert loaded.creditors["andina"].feeds == ("bank-payments",)
    assert loaded.creditors["cordillera"].feeds == ()


@pytest.mark.parametrize("words", ["1 hour", "24 hours"])
def test_money_under_way_holds_for_an_hour_to_a_day(config: Path, words: str) -> None:
    """L21, L25: the ends of what is allowed."""
    loaded = changed(config, PAYMENTS, "awaited: 24 hours", f"awaited: {words}")
    assert loaded.payments.awaited_hours == int(words.split()[0])


@pytest.mark.parametrize("words", ["0 days", "6 days"])
def test_one_payment_is_told_of_twice_within_less_than_a_week(config: Path, words: str) -> None:
    """L25"""
    loaded = changed(config, PAYMENTS, "within: 3 days", f"within: {words}")
    assert loaded.payments.same_within_days == int(words.split()[0])


def test_a_rulebook_without_payments_takes_none(config: Path) -> None:
    (config / PAYMENTS).unlink()
    assert load_rulebook(config, try_messages=False).payments == Payments()


@pytest.mark.parametrize("own", ["creditors.yaml", PAYMENTS, ""])
def test_payments_go_with_the_creditors_whose_money_they_take(config: Path, own: str) -> None:
    """A rulebook that is based on another does not take money by the other's providers."""
    other = config.parent / "other"
    other.mkdir()
    rules = (config / "escalation.yaml").read_text(encoding="utf-8")
    (other / "escalation.yaml").write_text(f"based_on: ../config\n{rules}", encoding="utf-8")
    if own:
        (other / own).write_text(
            (config / own).read_text(encoding="utf-8").replace("andina-", "own-"), encoding="utf-8"
        )
    names = set(load_rulebook(other, try_messages=False).payments.providers)
    assert names == {
        "creditors.yaml": set(),
        PAYMENTS: {
            "own-wompi", "own-payu", "own-stripe",
            "cordillera-mercadopago", "cordillera-epayco", "cordillera-gateway",
        },
        "": {
            "andina-wompi", "andina-payu", "andina-stripe",
            "cordillera-mercadopago", "cordillera-epayco", "cordillera-gateway",
        },
    }[own]  # fmt: skip


# --- interest ------------------------------------------------------------------------------------

INTEREST = (
    "    # interest:\n",
    "    interest: {cap: co_usura_consumo, agreed: 18.5 %, from: 5 days past due, "
    "since: 2027-01-01, currencies: [COP]}\n",
)


def test_a_creditors_interest_becomes_what_it_says(config: Path) -> None:
    loaded = changed(config, "creditors.yaml", *INTEREST)
    terms = loaded.creditors["andina"].interest
    assert terms is not None
    file, _, line = terms.source.partition(":")
    text = (config / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert text.startswith("    interest: {cap: co_usura_consumo")
    assert msgspec.structs.replace(terms, source="") == InterestTerms(
        "co_usura_consumo",
        agreed=185_000,
        from_day=5,
        since=date(2027, 1, 1),
        currencies=("COP",),
    )
    assert loaded.creditors["cordillera"].interest is None


def test_without_an_agreed_rate_it_is_the_tables_from_the_first_day_past_due(config: Path) -> None:
    old, new = INTEREST
    new = new.replace("agreed: 18.5 %, from: 5 days past due, ", "")
    terms = changed(config, "creditors.yaml", old, new).creditors["andina"].interest
    assert terms is not None
    assert (terms.agreed, terms.from_day) == (None, 1)


def test_the_ceilings_that_are_shipped_are_those_that_were_verified(shipped: Rulebook) -> None:
    """Colombia, Commercial Code 884; the certificates of 2026."""
    (table,) = shipped.rates.values()
    assert table.table == "co_usura_consumo"
    assert {month: rate.effective_annual for month, rate in table.rates.items()} == {
        "2026-01": 243_600,
        "2026-03": 255_200,
    }
    assert all(rate.source and rate.month == month for month, rate in table.rates.items())


def test_a_rate_that_nobody_has_verified_is_not_used(config: Path) -> None:
    old = "    confidence: secondary source\n  2026-03:"
    loaded = changed(config, USURY, old, old.replace("secondary source", "general knowledge"))
    assert set(loaded.rates["co_usura_consumo"].rates) == {"2026-03"}


def test_months_are_added_at_the_end(config: Path) -> None:
    path = config / USURY
    with path.open("a", encoding="utf-8") as file:
        file.write(
            "  2026-12:\n    rate: 24 %\n    source: Resolución 1 de 2026\n"
            "    confidence: official text\n"
        )
    rates = load_rulebook(config, try_messages=False).rates["co_usura_consumo"].rates
    assert rates["2026-12"] == Rate("2026-12", 240_000, "Resolución 1 de 2026")


def test_a_table_that_cannot_be_read_is_told_with_what_else_is_wrong(config: Path) -> None:
    """Invariant 10: every problem of every file."""
    (config / USURY).write_text("table: co_usura_consumo\n", encoding="utf-8")
    (config / PAYMENTS).write_text("receipts: perhaps\n", encoding="utf-8")
    with pytest.raises(RulebookError) as refused:
        changed(
            config,
            "creditors.yaml",
            "country: CO\n    email_from: cuentas@andina",
            "country: Colombia\n    email_from: cuentas@andina",
        )
    told = "\n".join(str(problem) for problem in refused.value.problems)
    for part in ("'rates' is missing", "cannot read 'perhaps'", "'Colombia' is not written"):
        assert part in told


# --- what travels --------------------------------------------------------------------------------


def test_what_is_published_says_the_same_when_it_is_read_again(config: Path) -> None:
    loaded = changed(config, "creditors.yaml", *INTEREST)
    assert msgspec.json.decode(msgspec.json.encode(loaded), type=Rulebook) == loaded


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (PAYMENTS, "receipts: yes", "receipts: no"),
        (PAYMENTS, "awaited: 24 hours", "awaited: 23 hours"),
        (PAYMENTS, "currencies: [COP, USD]", "currencies: [COP]"),
        (USURY, "rate: 25.52 %", "rate: 25.53 %"),
        ("creditors.yaml", *INTEREST),
    ],
)
def test_any_change_about_money_is_another_version(
    config: Path, shipped: Rulebook, file: str, old: str, new: str
) -> None:
    assert changed(config, file, old, new).version != shipped.version
