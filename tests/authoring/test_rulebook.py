"""The rulebook's folder: what is refused, where, in which words; what is compiled, its name."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon.authoring.yaml_lines import Problem
from escalon.domain.contact.rules import STOP_KINDS
from escalon.domain.rules.rulebook import LadderEnd, Need, Rulebook

ROOT = Path(__file__).parents[2]
ESCALATION = "escalation.yaml"


@dataclass(frozen=True)
class Broken:
    """One edit of the shipped rulebook, and what is said about it."""

    name: str
    old: str
    new: str
    message: str
    at: str = ""  # what stands in the line that is named; the edit's first line if empty
    file: str = ESCALATION
    remedy: str = ""


BROKEN = [
    Broken(
        "day without its direction",
        "when: 20 days after due",
        "when: 20 days due",
        "cannot read '20 days due'",
        remedy="write it like '3 days before due' or '10 days after due'",
    ),
    Broken(
        "day as a number, whose sign nobody can read (L17)",
        "when: 20 days after due",
        "when: -20",
        "cannot read '-20'",
        remedy="write it like '3 days before due' or '10 days after due'",
    ),
    Broken(
        "a fee for a task, which nobody would charge (L24)",
        "task: call               # a person calls",
        "fee: {COP: 10_000}\n        task: call               # a person calls",
        "nobody knows when a task is done",
        remedy="charge the fee with a message",
    ),
    Broken(
        "a step for others that leaves the debtor out",
        "        by: [email, sms]         # the first",
        "        to: [codebtor]\n        by: [email, sms]         # the first",
        "nobody is written to before the debtor",
        "to: [codebtor]",
        remedy="add debtor to `to`",
    ),
    Broken(
        "a task for a co-debtor, whom nobody would write to (L24)",
        "task: call               # a person calls",
        "to: [debtor, codebtor]\n        task: call               # a person calls",
        "co-debtors and guarantors are written to by e-mail or SMS",
        "to: [debtor, codebtor]",
        remedy="add email or sms to `by`, or leave `to` out",
    ),
    Broken(
        "a cap for a creditor that nobody knows, which would cap nothing (L24)",
        "\ndelivered_after:",
        "\ncaps:\n  - {by: email, creditor: andena, per_hour: 100}\ndelivered_after:",
        "there is no creditor andena",
        at="- {by: email, creditor: andena",
        remedy="did you mean andina?",
    ),
    Broken(
        "a cap without a number",
        "\ndelivered_after:",
        "\ncaps:\n  - {by: email}\ndelivered_after:",
        "a cap without a number caps nothing",
        at="- {by: email}",
        remedy="write `per_hour`, `per_day` or `per_run`, such as `per_hour: 2_000`",
    ),
    Broken(
        "an oldest age without its unit",
        "\ndelivered_after:",
        "\nsend_within: 24\ndelivered_after:",
        "cannot read '24'",
        at="send_within: 24",
        remedy="write it like '48 hours'",
    ),
    Broken(
        "zero days after",
        "when: 2 days after due",
        "when: 0 days after due",
        "0 days before or after is the due date",
        remedy="write 'on the due date'",
    ),
    Broken(
        "unknown key",
        "        at_least: 7 days after the previous step\n        needs: friendly-again",
        "        atleast: 7 days after the previous step\n        needs: friendly-again",
        "unknown key 'atleast', did you mean 'at_least'?",
    ),
    Broken(
        "gap without its words",
        "at_least: 7 days after the previous step\n        needs: friendly-again delivered",
        "at_least: 7 days\n        needs: friendly-again delivered",
        "cannot read '7 days'",
        remedy="write it like '5 days after the previous step'",
    ),
    Broken(
        "unknown stage",
        "      - step: firm-call\n        stage: firm",
        "      - step: firm-call\n        stage: frim",
        "'frim' is not known here, did you mean 'firm'?",
        at="stage: frim",
    ),
    Broken(
        "stage that goes down",
        "      - step: firm-call\n        stage: firm",
        "      - step: firm-call\n        stage: reminder",
        "stage reminder is milder than firm of the step above it",
        at="stage: reminder\n        when: 30 days",
    ),
    Broken(
        "stage before the due date for a step after it",
        "      - step: friendly\n        stage: reminder",
        "      - step: friendly\n        stage: pre_due",
        "stage pre_due does not go with a step after the due date",
        at="stage: pre_due\n        when: 2 days after",
    ),
    Broken(
        "another stage for a step on the due date",
        "        when: 2 days after due\n        by: [sms, email]",
        "        when: on the due date\n        by: [sms, email]",
        "stage reminder does not go with a step up to the due date",
        at="stage: reminder\n        when: on the due date",
    ),
    Broken(
        "days that go back",
        "when: 38 days after due",
        "when: 28 days after due",
        "comes no later than firm-call, the step above it",
    ),
    Broken(
        "two steps on one day",
        "when: 38 days after due",
        "when: 30 days after due",
        "comes no later than firm-call, the step above it",
        at="when: 30 days after due\n        at_least",
    ),
    Broken(
        "two steps of one name",
        "- step: firm-again",
        "- step: firm",
        "there are two steps named firm",
        at="- step: firm\n        stage: firm\n        when: 38",
    ),
    Broken(
        "a step's name in two ladders",
        "- step: vip-friendly",
        "- step: friendly",
        "ladder vip has a step friendly as well",
        at="- step: friendly\n        stage: reminder\n        when: 2 days",
    ),
    Broken(
        "the name of the end",
        "- step: offer\n",
        "- step: end\n",
        "'end' names the end of every ladder",
    ),
    Broken(
        "work that is the engine's own",
        "task: legal_review",
        "task: unknown_fate",
        "'unknown_fate' names work that is given out where data is wrong",
    ),
    Broken(
        "a step that says and asks",
        "        task: call\n        script: firm_call",
        "        task: call\n        by: [email]\n        script: firm_call",
        "a step is either a message (by, say) or a task",
        at="- step: firm-call",
    ),
    Broken(
        "a step that does nothing",
        "        by: [email, sms]\n        say: offer",
        "        by: [email, sms]",
        "a step needs either `by` and `say`, or `task`",
        at="- step: offer",
    ),
    Broken(
        "a channel that nobody has",
        "by: [email, letter]\n        say: legal_notice",
        "by: [email, fax]\n        say: legal_notice",
        "'fax' is not known here",
    ),
    Broken(
        "a need that is not there",
        "needs: friendly-again delivered",
        "needs: frendly-again delivered",
        "no step named frendly-again stands before this one",
        remedy="did you mean friendly-again?",
    ),
    Broken(
        "a need further up than the step",
        "needs: friendly-again delivered",
        "needs: offer delivered",
        "no step named offer stands before this one",
    ),
    Broken(
        "a need that only some get",
        "needs: last-notice delivered, or its next channel after 15 days\n"
        "        only_if: open above COP 1_000_000, USD 250\n        task",
        "needs: legal-notice delivered, or its next channel after 15 days\n"
        "        only_if: open above COP 1_000_000, USD 250\n        task",
        "legal-notice is taken only under a condition, so it may never be delivered",
    ),
    Broken(
        "a need that is work for a person",
        "needs: firm delivered\n        by",
        "needs: firm-call delivered\n        by",
        "firm-call is work for a person, which is never delivered",
    ),
    Broken(
        "a need from before the due date",
        "needs: friendly-again delivered",
        "needs: due-tomorrow delivered",
        "due-tomorrow is only said up to the due date, so it may never be delivered",
    ),
    Broken(
        "a ladder that could climb past a need",
        "        needs: firm delivered\n        only_if",
        "        only_if",
        "firm-call can be taken before firm, which firm-again needs later",
        at="- step: firm-call",
        remedy="write `needs: firm delivered` here too",
    ),
    Broken(
        "a need in words that can be misread",
        "needs: offer delivered, or its next channel after 15 days",
        "needs: offer delivered, or after 15 days",
        "cannot read 'offer delivered, or after 15 days'",
    ),
    Broken(
        "a condition with an unknown word (L24)",
        "for: tag is vip",
        "for: age above 90",
        "unknown word 'age'; a condition begins with one of: anyone, nobody, not",
    ),
    Broken(
        "a condition on a creditor that nobody knows (L24)",
        "for: tag is vip",
        "for: creditor is andinas",
        "there is no creditor andinas",
        remedy="did you mean andina?",
    ),
    Broken(
        "an amount without currency (E1)",
        "        only_if: open above COP 200_000, USD 50",
        "        only_if: open above 200_000",
        "expected a currency such as COP, found '200_000'",
    ),
    Broken(
        "a threshold of nothing",
        "from: {COP: 20_000, USD: 10}",
        "from: {COP: 0, USD: 10}",
        "0 is not more than nothing",
    ),
    Broken(
        "a threshold with more decimals than the currency has",
        "from: {COP: 20_000, USD: 10}",
        "from: {COP: 20_000, CLP: 10.5}",
        "10.5 has more decimals than CLP has (0)",
    ),
    Broken(
        "a currency that is none",
        "from: {COP: 20_000, USD: 10}",
        "from: {pesos: 20_000}",
        "pesos is not a currency",
    ),
    Broken(
        "no word for old debt",
        "  old_debt_enters: at the step for its age      # or: at the first step\n",
        "",
        "'old_debt_enters' is missing",
        at="chase:",
    ),
    Broken(
        "an age that is none",
        "oldest_debt: 5 years",
        "oldest_debt: five years",
        "cannot read 'five years'",
        remedy="write it like '5 years'",
    ),
    Broken(
        "a zone that does not exist",
        "zone: America/Bogota  ",
        "zone: America/Bogotá  ",
        "there is no time zone America/Bogotá",
    ),
    Broken(
        "a language without messages",
        "language: es-CO  ",
        "language: pt-BR  ",
        "there are no messages in pt-BR",
        remedy="there are messages in en, es-CO",
    ),
    Broken(
        "a message that nobody wrote",
        "say: offer",
        "say: ofer",
        "there is no message ofer in en, es-CO",
        remedy="did you mean offer?",
    ),
    Broken(
        "a contact policy that nobody wrote",
        "CO: [core.never, co]",
        "CO: [core.never, colombia]",
        "there is no contact policy colombia",
        remedy="known are br, cl, co, core.never, es, gb, house, mx, pe, us",
    ),
    Broken(
        "no policy for other countries",
        '  "*": [core.never, house]\n',
        "",
        "says nothing about debtors of other countries",
        at="contact_policy:",
    ),
    Broken(
        "a country that is none",
        "CO: [core.never, co]",
        "Colombia: [core.never, co]",
        "is not written as expected",
    ),
    Broken(
        "an end every day of no days",
        "then: review by a person every 30 days",
        "then: review by a person every 0 days",
        "every 0 days is at every look",
    ),
    Broken(
        "an end in other words",
        "then: hand to key-accounts",
        "then: give to key-accounts",
        "cannot read 'give to key-accounts'",
        remedy="write it like 'review by a person every 30 days' or 'hand to key-accounts'",
    ),
    Broken(
        "a hold with an option that nothing carries out (L24)",
        "insolvency: {stop: insolvency}",
        "insolvency: {full_stop: true}",
        "unknown key 'full_stop'",
    ),
    Broken(
        "a key that stands twice",
        "delivered_after: 48 hours",
        "delivered_after: 48 hours\ndelivered_after: 24 hours",
        "key 'delivered_after' stands here twice",
        at="delivered_after: 24 hours",
    ),
    Broken(
        "a tab",
        "  dispute: {at_most: 60 days, stop: dispute_open}",
        "\tdispute: {at_most: 60 days}",
        "a tab cannot indent",
    ),
    Broken(
        "a creditor's address that is none",
        "email_from: cuentas@andina.example.com",
        "email_from: cuentas andina",
        "'cuentas andina' is not written as expected",
        file="creditors.yaml",
    ),
    Broken(
        "a creditor without its tax number",
        "    tax_id: NIT 900.000.001-8\n",
        "",
        "'tax_id' is missing",
        at="  andina:",
        file="creditors.yaml",
    ),
    Broken(
        "a provider of a kind that nobody speaks",
        "kind: wompi",
        "kind: wompy",
        "'wompy' is not known here, did you mean 'wompi'?",
        file="payments.yaml",
    ),
    Broken(
        "a provider of a creditor that nobody knows (L24)",
        "environment: sandbox\n    creditor: andina\n    api: https://sandbox.wompi",
        "environment: sandbox\n    creditor: andinas\n    api: https://sandbox.wompi",
        "there is no creditor andinas",
        at="creditor: andinas",
        file="payments.yaml",
        remedy="did you mean andina?",
    ),
    Broken(
        "a provider whose word could not be confirmed",
        "    api: https://api.mercadopago.com ",
        "    # api: https://api.mercadopago.com ",
        "what mercadopago tells could not be confirmed",
        at="kind: mercadopago",
        file="payments.yaml",
        remedy="write `api`, the base address of its API",
    ),
    Broken(
        "an address without its scheme",
        "api: https://api.stripe.com ",
        "api: api.stripe.com ",
        "'api.stripe.com' is no base address of an API",
        file="payments.yaml",
        remedy="write it like https://api.example.com/v1",
    ),
    Broken(
        "an address with a query",
        "api: https://api.stripe.com ",
        "api: https://api.stripe.com?key=1 ",
        "'https://api.stripe.com?key=1' is no base address of an API",
        file="payments.yaml",
    ),
    Broken(
        "an address that anybody on the way can answer for, with real money",
        "environment: sandbox\n    creditor: andina\n    api: https://sandbox.wompi.co/v1",
        "environment: production\n    creditor: andina\n    api: http://production.wompi.co/v1",
        "anybody on the way could answer in the provider's place",
        at="api: http://production",
        file="payments.yaml",
        remedy="write https://…; http is for a sandbox",
    ),
    Broken(
        "a third environment",
        "environment: sandbox\n    creditor: andina\n    api: https://api.stripe.com",
        "environment: staging\n    creditor: andina\n    api: https://api.stripe.com",
        "'staging' is not known here",
        at="environment: staging",
        file="payments.yaml",
    ),
    Broken(
        "a mapping of what is known",
        "    kind: standard_webhooks\n",
        "    kind: stripe\n    api: https://api.stripe.com\n",
        "what stripe sends is known",
        at="    mapping:",
        file="payments.yaml",
        remedy="leave `mapping` out",
    ),
    Broken(
        "a sender whose payload nobody has explained",
        """    kind: payu
    environment: sandbox
    creditor: andina
    api: https://sandbox.api.payulatam.com     # production: https://api.payulatam.com
    merchant:
      merchant_id: "508029"
      account_id: "512321"
    currencies: [COP, USD]
""",
        "    kind: standard_webhooks\n    environment: sandbox\n",
        "nobody knows what such a sender's payload means",
        at="kind: standard_webhooks",
        file="payments.yaml",
    ),
    Broken(
        "a question to a sender that nobody is asked at (L24)",
        "    kind: standard_webhooks\n",
        "    kind: standard_webhooks\n    api: https://api.example.com\n",
        "nobody is asked there",
        at="api: https://api.example.com",
        file="payments.yaml",
    ),
    Broken(
        "a checkout of a sender that has none (L24)",
        "    kind: standard_webhooks\n",
        "    kind: standard_webhooks\n    currencies: [COP]\n",
        "standard_webhooks has no checkout to send a debtor to",
        at="currencies: [COP]\n    environment",
        file="payments.yaml",
    ),
    Broken(
        "a merchant by another name (L24)",
        "      account_id:",
        "      acount_id:",
        "payu does not know us by 'acount_id'",
        file="payments.yaml",
        remedy="known here: merchant_id, account_id",
    ),
    Broken(
        "a checkout of a merchant that nobody knows",
        '      account_id: "512321"\n',
        "",
        "'account_id' is missing by which payu knows us",
        at='    merchant:\n      merchant_id: "508029"',
        file="payments.yaml",
    ),
    Broken(
        "a question without the key that it is asked by",
        "    merchant:\n      public_key: made_up ",
        "    # ",
        "'public_key' is missing by which epayco knows us",
        at="  cordillera-epayco:",
        file="payments.yaml",
    ),
    Broken(
        "a word of a sender that means nothing",
        "payment.approved: approved",
        "payment.approved: aproved",
        "'aproved' is not known here, did you mean 'approved'?",
        file="payments.yaml",
    ),
    Broken(
        "a mapping that does not say where the amount is",
        "      amount: data.amount\n",
        "",
        "'amount' is missing",
        at="    mapping:",
        file="payments.yaml",
    ),
    Broken(
        "a path that leads nowhere",
        "payment: data.id  ",
        "payment: data..id  ",
        "'data..id' is not written as expected",
        file="payments.yaml",
    ),
    Broken(
        "an age of what carries no time",
        "    currencies: [COP, USD]\n",
        "    currencies: [COP, USD]\n    tolerance: 5 minutes\n",
        "payu signs no time that could be too old",
        at="tolerance: 5 minutes",
        file="payments.yaml",
    ),
    Broken(
        "an age that turns the check off",
        "    currencies: [USD]\n",
        "    currencies: [USD]\n    tolerance: 0 minutes\n",
        "'0 minutes' has to be at least 1",
        at="tolerance: 0 minutes",
        file="payments.yaml",
    ),
    Broken(
        "a checkout in a currency that is none",
        "currencies: [USD]",
        "currencies: [usd]",
        "'usd' is not written as expected",
        file="payments.yaml",
    ),
    Broken(
        "a secret, which never stands in a rulebook",
        "    currencies: [USD]\n",
        "    currencies: [USD]\n    secret: whsec_1\n",
        "unknown key 'secret'",
        at="secret: whsec_1",
        file="payments.yaml",
    ),
    Broken(
        "money under way that silences a ladder (L21)",
        "awaited: 24 hours",
        "awaited: 25 hours",
        "'25 hours' has to be at most 24",
        file="payments.yaml",
    ),
    Broken(
        "money under way for no time",
        "awaited: 24 hours",
        "awaited: 0 hours",
        "'0 hours' has to be at least 1",
        file="payments.yaml",
    ),
    Broken(
        "weekly instalments that would be one payment (L25)",
        "same_payment_within: 3 days",
        "same_payment_within: 7 days",
        "'7 days' has to be at most 6",
        file="payments.yaml",
    ),
    Broken(
        "a payment that would never reach the principal (L16)",
        '  "*":\n    order: [fee, tax, interest, principal]',
        '  "*":\n    order: [fee, tax, interest]',
        "each of what a debt is made of has its one place",
        at="order: [fee, tax, interest]\n",
        file="payments.yaml",
        remedy="write fee, tax, interest, principal in the order in which they are settled",
    ),
    Broken(
        "a yes that is no word",
        "receipts: yes",
        "receipts: true",
        "cannot read true",
        file="payments.yaml",
        remedy="write yes or no",
    ),
    Broken(
        "authority in a currency that is none",
        "{COP: 50_000, USD: 10}",
        "{pesos: 50_000, USD: 10}",
        "pesos is not a currency",
        at='"*": {pesos',
        file="payments.yaml",
        remedy="write it like `COP: 20_000`",
    ),
    Broken(
        "authority over an amount in words",
        "{COP: 50_000, USD: 10}",
        "{COP: 50.000 pesos, USD: 10}",
        "'50.000 pesos' is not an amount",
        at='"*": {COP: 50.000',
        file="payments.yaml",
    ),
    Broken(
        "a feed without its longest silence",
        "# feeds:\n#   bank-payments: 84 hours",
        "feeds:\n  bank-payments: daily",
        "cannot read 'daily'",
        at="bank-payments: daily",
        file="payments.yaml",
        remedy="write it like '48 hours'",
    ),
    Broken(
        "a feed that nobody has (L24)",
        "    # feeds: [bank-payments]",
        "    feeds: [bank-payments]",
        "there is no payment feed bank-payments",
        file="creditors.yaml",
        remedy="there is none",
    ),
    Broken(
        "interest without a ceiling's table",
        "    # interest:\n",
        "    interest: {cap: co_usura, since: 2027-01-01, currencies: [COP]}\n",
        "there is no rate table co_usura",
        file="creditors.yaml",
        remedy="did you mean co_usura_consumo?",
    ),
    Broken(
        "interest that would reach back over the whole book (L8)",
        "    # interest:\n",
        "    interest: {cap: co_usura_consumo, currencies: [COP]}\n",
        "'since' is missing",
        file="creditors.yaml",
    ),
    Broken(
        "interest in no currency",
        "    # interest:\n",
        "    interest: {cap: co_usura_consumo, since: 2027-01-01, currencies: []}\n",
        "this is empty",
        file="creditors.yaml",
    ),
    Broken(
        "interest on the due date itself (L18)",
        "    # interest:\n",
        "    interest: {cap: co_usura_consumo, since: 2027-01-01, currencies: [COP], "
        "from: 0 days past due}\n",
        "'0 days past due' has to be at least 1",
        file="creditors.yaml",
    ),
    Broken(
        "a rate without its percent",
        "    # interest:\n",
        "    interest: {cap: co_usura_consumo, since: 2027-01-01, currencies: [COP], agreed: 18}\n",
        "cannot read '18'",
        file="creditors.yaml",
        remedy="write it like '25.52 %'",
    ),
    Broken(
        "a rate with a comma",
        "rate: 24.36 %",
        "rate: 24,36 %",
        "cannot read '24,36 %'",
        file="rates/co_usura_consumo.yaml",
        remedy="write it like '25.52 %'",
    ),
    Broken(
        "a rate of more than everything",
        "rate: 24.36 %",
        "rate: 100.01 %",
        "100.01 % is no annual rate",
        file="rates/co_usura_consumo.yaml",
    ),
    Broken(
        "a month that is none",
        "  2026-03:",
        "  2026-13:",
        "is not written as expected",
        at="  2026-13:",
        file="rates/co_usura_consumo.yaml",
    ),
    Broken(
        "a rate of which nobody says how sure it is",
        "    confidence: secondary source\n  2026-03:",
        "  2026-03:",
        "'confidence' is missing",
        at="  2026-01:",
        file="rates/co_usura_consumo.yaml",
    ),
    Broken(
        "a table in another's file",
        "table: co_usura_consumo",
        "table: co_usura_microcredito",
        "table co_usura_microcredito stands in co_usura_consumo.yaml",
        file="rates/co_usura_consumo.yaml",
        remedy="name the file co_usura_microcredito.yaml",
    ),
    Broken(
        "a window that closes before it opens",
        "mon-fri: 07:00 to 18:55",
        "mon-fri: 18:55 to 07:00",
        "18:55 to 07:00",
        file="contact_policies/co.yaml",
    ),
    Broken(
        "a gap longer than contacts are kept",
        "    per: calendar_day\n    max: 1\n\nexempt:\n  # A question",
        "    per: calendar_day\n    max: 1\n    min_gap_days: 60\n\nexempt:\n  # A question",
        "counts contacts over 62 days, and they are kept with the account for 35",
        at='  "*": [core.never, house]',
        file="contact_policies/house.yaml",
    ),
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook, to be broken."""
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


def edit(config: Path, file: str, old: str, new: str) -> None:
    """Change one place of one file; what is to be changed has to stand there once."""
    path = config / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def line_of(config: Path, file: str, text: str) -> int:
    before, found, _ = (config / file).read_text(encoding="utf-8").partition(text)
    assert found, f"{text!r} does not stand in {file}"
    return before.count("\n") + len(text) - len(text.lstrip("\n")) + 1


def problems(config: Path, *, try_messages: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as refused:
        load_rulebook(config, try_messages=try_messages)
    return refused.value.problems


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_rulebook_is_refused_with_the_place_and_the_remedy(
    broken: Broken, config: Path
) -> None:
    edit(config, broken.file, broken.old, broken.new)
    found = problems(config)
    marker = broken.at or broken.new.lstrip()
    file = broken.file if marker in (config / broken.file).read_text() else ESCALATION
    place = f"{config / file}:{line_of(config, file, marker)}:"
    told = [str(problem) for problem in found]
    assert [text for text in told if text.startswith(place) and broken.message in text], told
    assert all(broken.remedy in text for text in told if text.startswith(place)), told


def test_there_are_at_least_25_ways_to_break_it() -> None:
    assert len({broken.name for broken in BROKEN}) == len(BROKEN) >= 25


def test_every_problem_of_every_file_is_told_at_once(config: Path) -> None:
    """Invariant 10"""
    edit(config, ESCALATION, "zone: America/Bogota  ", "zone: Bogota  ")
    edit(config, ESCALATION, "say: offer", "say: ofer")
    edit(config, ESCALATION, "CO: [core.never, co]", "CO: [core.never, colombia]")
    edit(config, "creditors.yaml", "    tax_id: NIT 900.000.001-8\n", "")
    edit(config, "contact_policies/house.yaml", "level: house", "level: home")
    edit(config, "calendars/US.yaml", "calendar: US", "calender: US")
    files = [Path(problem.file).name for problem in problems(config)]
    assert files.count("escalation.yaml") == 4  # one of them: US has no calendar any more
    assert {"creditors.yaml", "house.yaml", "US.yaml"} < set(files)


def test_several_problems_of_one_ladder_are_told_at_once(config: Path) -> None:
    edit(config, ESCALATION, "when: 38 days after due", "when: 28 days after due")
    edit(config, ESCALATION, "needs: friendly-again delivered", "needs: nobody delivered")
    edit(config, ESCALATION, "oldest_debt: 5 years", "oldest_debt: long")
    told = "\n".join(map(str, problems(config)))
    for part in ("comes no later", "no step named nobody", "cannot read 'long'"):
        assert part in told


def test_a_folder_without_rules_says_what_is_missing(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert str(problem) == (
        f"{tmp_path / 'escalation.yaml'}:1:1: there is no such file; "
        "a rulebook is a folder with an escalation.yaml"
    )


@pytest.mark.parametrize("file", ["creditors.yaml", "contact_policies/co.yaml"])
def test_a_file_that_is_missing_is_named(config: Path, file: str) -> None:
    (config / file).unlink()
    assert problems(config)


def test_a_file_that_is_no_text_is_named(config: Path) -> None:
    (config / "creditors.yaml").write_bytes(b"creditors:\n  caf\xe9: {}\n")
    (problem,) = problems(config)
    assert (Path(problem.file).name, problem.message) == ("creditors.yaml", "is not UTF-8 text")


# --- messages ------------------------------------------------------------------------------------

SHORT = """
rulebook: short
language: en
zone: America/Bogota
contact_policy: {"*": [core.never, house]}
chase: {from: {USD: 10}, old_debt_enters: at the first step}
strategies:
  one:
    for: anyone
    ladder:
      - {step: friendly, stage: reminder, when: 2 days after due, by: [email], say: friendly}
"""


@pytest.fixture
def short(config: Path) -> Path:
    """A rulebook of one message in one language, so that it is tried in a moment."""
    (config / ESCALATION).write_text(SHORT, encoding="utf-8")
    shutil.rmtree(config / "messages" / "es-CO")
    (config / "agreements.yaml").unlink()  # it names steps of the whole ladder
    return config


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{% block opening %}", "{% block opening %}\n{% if %}", "Expected an expression"),
        ("{{ oldest.document }} was due", "{{ oldest.documnt }} was due", "documnt"),
        ("We would be grateful", "{{ nobody }} would be grateful", "nobody"),
        ("Information about your account", "Your debt", "a word of debt"),
        ("We would be grateful", "Legal action will follow. We would be grateful", "threatens"),
    ],
    ids=["syntax", "undefined field", "undefined name", "debt in the subject", "a threat"],
)
def test_a_message_that_must_not_go_out_stops_the_rulebook(
    short: Path, old: str, new: str, message: str
) -> None:
    """Invariants 10 and 12"""
    edit(short, "messages/en/friendly.j2", old, new)
    found = problems(short, try_messages=True)
    assert any(
        message in problem.message and problem.file.endswith("messages/en/friendly.j2")
        for problem in found
    ), found
    assert all(problem.remedy for problem in found)
    lines = (short / "messages/en/friendly.j2").read_text().splitlines()
    assert all(1 <= problem.line <= len(lines) for problem in found)


def test_a_creditors_name_that_must_not_be_read_by_others_stops_the_rulebook(short: Path) -> None:
    edit(short, "creditors.yaml", "name: Almacenes Andina\n", "name: Debt Recovery\n")
    found = problems(short, try_messages=True)
    assert any(
        Path(problem.file).name == "creditors.yaml" and "debt" in problem.message
        for problem in found
    )


def test_reading_rules_does_not_import_what_writes_messages() -> None:
    """Deciding happens in functions whose cold start counts."""
    code = (
        "import sys\n"
        "from escalon.domain.decisions import engine, explanation, transitions\n"
        "import escalon.authoring.rulebook;"
        "print(sorted({'jinja2', 'babel'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
    code = (
        "import sys, escalon.domain.decisions.engine;"
        "print(sorted({'yaml', 'pydantic'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


# --- what is compiled ----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["config", "samples/ibm/rulebook", "samples/notices/es"])
def test_what_we_ship_may_go_live(folder: str) -> None:
    assert load_rulebook(ROOT / folder).version


@pytest.fixture(scope="module")
def shipped() -> Rulebook:
    return load_rulebook(ROOT / "config", try_messages=False)


def test_the_shipped_ladder_covers_all_stages(shipped: Rulebook) -> None:
    (standard,) = (s for s in shipped.strategies if s.strategy == "standard")
    assert [(step.step, step.day, step.stage) for step in standard.steps] == [
        ("heads-up", -5, "pre_due"),
        ("due-tomorrow", -1, "pre_due"),
        ("friendly", 2, "reminder"),
        ("friendly-again", 9, "reminder"),
        ("firm", 20, "firm"),
        ("firm-call", 30, "firm"),
        ("firm-again", 38, "firm"),
        ("offer", 50, "negotiation"),
        ("last-notice", 75, "pre_legal"),
        ("legal-notice", 95, "legal"),
        ("legal-review", 105, "legal"),
    ]
    assert standard.end == LadderEnd("review", 30, source=standard.end.source)


def test_whatever_state_a_law_knows_can_be_noted_as_a_hold(shipped: Rulebook) -> None:
    """But `paid`, which is what the ledger says."""
    assert {kind.stop for kind in shipped.holds.values()} - {""} == STOP_KINDS - {"paid"}


def test_words_become_what_they_say(shipped: Rulebook) -> None:
    (vip, standard) = shipped.strategies
    steps = {step.step: step for step in standard.steps}
    assert steps["last-notice"].needs == Need("offer", 15)
    assert steps["firm"].needs == Need("friendly-again", 10)
    assert (steps["last-notice"].wait_days, steps["last-notice"].gap_days) == (15, 15)
    assert steps["firm-call"].only_if == ["open", "above", {"COP": 20_000_000, "USD": 5_000}]
    assert (steps["firm-call"].task, steps["firm-call"].task_due_days) == ("call", 3)
    assert (vip.condition, vip.end.task, vip.end.queue) == (
        ["tag", "vip"], "hand_over", "key-accounts",
    )  # fmt: skip
    assert shipped.chase.from_minor == {"COP": 2_000_000, "USD": 1_000}
    assert shipped.chase.oldest_debt_days == 1825
    assert shipped.delivered_after_hours == 48
    assert shipped.holds["dispute"].at_most_days == 60
    assert standard.old_debt_enters == "step for its age"


def test_a_step_knows_the_line_it_stands_on(shipped: Rulebook) -> None:
    for strategy in shipped.strategies:
        for step in strategy.steps:
            file, _, line = step.source.partition(":")
            text = (ROOT / "config" / file).read_text().splitlines()[int(line) - 1]
            assert text.strip() == f"- step: {step.step}"


def test_a_debtor_of_unknown_country_is_bound_by_every_countrys_law(shipped: Rulebook) -> None:
    names = {layer.policy for layer in shipped.policy_for("").layers}
    assert names == {"core.never", "house", "br", "cl", "co", "es", "gb", "mx", "pe", "us"}
    assert "CO" in shipped.policy_for("").calendars
    assert [layer.policy for layer in shipped.policy_for("PE").layers] == ["core.never", "pe"]
    assert [layer.policy for layer in shipped.policy_for("FR").layers] == ["core.never", "house"]


def test_the_same_content_has_the_same_name_wherever_it_lies(
    config: Path, shipped: Rulebook
) -> None:
    assert load_rulebook(config, try_messages=False).version == shipped.version
    assert shipped.version.isalnum()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (ESCALATION, "when: 38 days after due", "when: 39 days after due"),
        (ESCALATION, "from: {COP: 20_000, USD: 10}", "from: {COP: 20_000.01, USD: 10}"),
        ("creditors.yaml", "phone: +57 601 000 0001", "phone: +57 601 000 0003"),
        ("contact_policies/co.yaml", "mon-fri: 07:00 to 18:55", "mon-fri: 07:00 to 18:50"),
        ("messages/en/friendly.j2", "We would be grateful", "We should be grateful"),
    ],
)
def test_any_change_has_another_name(
    config: Path, shipped: Rulebook, file: str, old: str, new: str
) -> None:
    edit(config, file, old, new)
    assert load_rulebook(config, try_messages=False).version != shipped.version


def test_what_is_published_says_the_same_when_it_is_read_again(shipped: Rulebook) -> None:
    published = msgspec.json.encode(shipped)
    again = msgspec.json.decode(published, type=Rulebook)
    assert again == shipped
    assert len(published) < 1_000_000


def test_a_rulebook_based_on_another_takes_from_there_what_it_lacks(config: Path) -> None:
    own = config.parent / "own"
    own.mkdir()
    (own / ESCALATION).write_text(f"based_on: ../config\n{SHORT}", encoding="utf-8")
    loaded = load_rulebook(own, try_messages=False)
    assert set(loaded.messages) == {"en", "es-CO"}
    assert set(loaded.creditors) == {"andina", "cordillera"}
    (own / ESCALATION).write_text(f"based_on: ../nowhere\n{SHORT}", encoding="utf-8")
    assert "there is no folder" in problems(own)[0].message
