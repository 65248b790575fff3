"""Prices and quotas of the channels: exact, and only where somebody stated them."""

from pathlib import Path
from typing import Any

import pytest

from escalon_cli.rules.costs import LISTED, Costs, CostsError, read_costs, with_quota_of
from escalon_cli.rules.report import major


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "costs.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_prices_are_millionths(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "currency: USD\nprices: {email: 0.0001, sms: 0.013}\nquotas: {email: 50_000}\n",
    )
    assert read_costs(file) == Costs(
        "USD", {"email": 100, "sms": 13_000}, {"email": 50_000}, "costs.yaml"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("currency: dollars\n", "costs.yaml:1:11"),
        (
            "currency: USD\nprices: {fax: 1}\n",
            "there is no channel fax; known: email, sms, whatsapp",
        ),
        ("currency: USD\nprices: {sms: 0.0000001}\n", "costs.yaml:2"),
        ("currency: USD\nprices: {sms: -1}\n", "has to be at least 0"),
        ("currency: USD\nquotas: {sms: 0}\n", "has to be at least 1"),
        ("currency: USD\nprice: {sms: 1}\n", "unknown key 'price', did you mean 'prices'?"),
    ],
)
def test_a_file_that_is_wrong_says_so(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CostsError, match=says.replace("?", "\\?")):
        read_costs(written(tmp_path, text))


class Ses:
    """A stack whose SES states a quota."""

    def __init__(self, quota: float) -> None:
        self.quota = quota

    def client(self, service: str) -> Any:
        assert service == "sesv2"
        return self

    def get_account(self) -> dict[str, Any]:
        return {"SendQuota": {"Max24HourSend": self.quota}}


def test_the_quota_of_ses_counts_unless_the_file_states_one() -> None:
    deployed: Any = Ses(50_000.0)
    assert with_quota_of(deployed, LISTED).quotas == {"email": 50_000}
    stated = Costs("USD", {}, {"email": 10}, "f")
    assert with_quota_of(deployed, stated).quotas == {"email": 10}
    unlimited: Any = Ses(-1.0)
    assert with_quota_of(unlimited, LISTED).quotas == {}


@pytest.mark.parametrize(
    ("millionths", "shown"),
    [(0, "0.00"), (1, "0.01"), (10_000, "0.01"), (10_001, "0.02"), (1_234_567_000, "1,234.57")],
)
def test_amounts_are_rounded_up_to_cents(millionths: int, shown: str) -> None:
    assert major(millionths) == shown
