"""What an operator puts in for a provider: taken as it should be, checked, and never shown."""

import json
from contextlib import nullcontext

import pytest
from typer.testing import CliRunner

from escalon_cli import payment_secrets
from escalon_cli.local.provider_stand_in import API_KEYS, SECRETS
from escalon_cli.payment_secrets import (
    Kept,
    SecretError,
    add,
    credential,
    forget,
    listed,
    retire,
    set_api_key,
)
from tests.functions.conftest import Aws

OLD, NEW = SECRETS["stripe"], "whsec_the_next_one_of_them"


def held(aws: Aws, secret: str) -> object:
    found = aws.client("secretsmanager").get_secret_value(SecretId=aws.physical[secret])
    return json.loads(found["SecretString"])


def put(aws: Aws, secret: str, value: object) -> None:
    aws.client("secretsmanager").put_secret_value(
        SecretId=aws.physical[secret], SecretString=json.dumps(value)
    )


@pytest.fixture
def empty(aws: Aws) -> Aws:
    """A stack as it was deployed: `{}` in both."""
    for name in ("WebhookSecrets", "ProviderApiKeys"):
        put(aws, name, {})
    return aws


def test_a_secret_is_taken_beside_the_old_one_until_that_is_retired(empty: Aws) -> None:
    assert add(empty.deployed, "stripe", OLD) == 1
    assert add(empty.deployed, "stripe", NEW) == 2
    assert held(empty, "WebhookSecrets") == {"stripe": [NEW, OLD]}
    assert retire(empty.deployed, "stripe") == 1
    assert held(empty, "WebhookSecrets") == {"stripe": [NEW]}
    assert retire(empty.deployed, "stripe") == 0


def test_the_same_secret_again_is_the_newest_and_once(empty: Aws) -> None:
    for secret in (OLD, NEW, OLD):
        add(empty.deployed, "stripe", secret)
    assert held(empty, "WebhookSecrets") == {"stripe": [OLD, NEW]}


def test_what_others_have_stays(empty: Aws) -> None:
    add(empty.deployed, "wompi", SECRETS["wompi"])
    set_api_key(empty.deployed, "mercadopago", API_KEYS["mercadopago"])
    add(empty.deployed, "stripe", OLD)
    set_api_key(empty.deployed, "wompi", API_KEYS["wompi"])
    assert held(empty, "WebhookSecrets") == {"stripe": [OLD], "wompi": [SECRETS["wompi"]]}
    assert held(empty, "ProviderApiKeys") == {
        "mercadopago": API_KEYS["mercadopago"],
        "wompi": API_KEYS["wompi"],
    }


def test_an_api_key_takes_the_place_of_the_one_before(empty: Aws) -> None:
    set_api_key(empty.deployed, "stripe", "sk_test_the_first_of_them")
    set_api_key(empty.deployed, "stripe", "sk_test_the_second_of_them")
    assert held(empty, "ProviderApiKeys") == {"stripe": "sk_test_the_second_of_them"}


def test_a_secret_that_cannot_be_right_changes_nothing(empty: Aws) -> None:
    for text in ("whsec_short", "sk_test_this_is_an_api_key", '{"p_key": "of another provider"}'):
        with pytest.raises(SecretError) as caught:
            add(empty.deployed, "stripe", credential(text))
        assert text not in str(caught.value)
    assert held(empty, "WebhookSecrets") == {}


def test_a_provider_that_the_rulebook_does_not_have_is_told_with_those_it_has(empty: Aws) -> None:
    with pytest.raises(SecretError, match="no provider stirpe; there are: epayco, mercadopago"):
        add(empty.deployed, "stirpe", OLD)


def test_a_provider_that_is_never_asked_gets_no_key(empty: Aws) -> None:
    with pytest.raises(SecretError, match="never asked"):
        set_api_key(empty.deployed, "standard_webhooks", "a key of sixteen letters")


def test_whoever_is_forgotten_is_refused_from_then_on(empty: Aws) -> None:
    add(empty.deployed, "stripe", OLD)
    set_api_key(empty.deployed, "stripe", API_KEYS["stripe"])
    forget(empty.deployed, "stripe")
    assert (held(empty, "WebhookSecrets"), held(empty, "ProviderApiKeys")) == ({}, {})
    for act in (forget, retire):
        with pytest.raises(SecretError):
            act(empty.deployed, "stripe")


def test_what_is_missing_is_listed_and_nothing_is_shown(empty: Aws) -> None:
    add(empty.deployed, "stripe", OLD)
    add(empty.deployed, "stripe", NEW)
    set_api_key(empty.deployed, "payu", API_KEYS["payu"])
    put(empty, "ProviderApiKeys", {**dict(payu=API_KEYS["payu"]), "an-old-one": "x"})  # noqa: C408
    found = {kept.provider: kept for kept in listed(empty.deployed)}
    assert found["stripe"] == Kept("stripe", 2, False)
    assert found["payu"] == Kept("payu", 0, True)
    assert found["wompi"] == Kept("wompi", 0, False)
    assert found["an-old-one"] == Kept("an-old-one", 0, True)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (" whsec_the_next_one_of_them\n", "whsec_the_next_one_of_them"),
        ('{"api_key": "a", "alg": "md5"}\n', {"api_key": "a", "alg": "md5"}),
    ],
)
def test_a_secret_is_one_text_or_a_few_named_values(text: str, secret: object) -> None:
    assert credential(text) == secret


@pytest.mark.parametrize("text", ["", " \n", '{"api_key": 7}', '{"api_key"', "{}x"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(SecretError):
        credential(text)


def test_the_commands_take_a_secret_from_standard_input_and_never_show_it(empty: Aws) -> None:
    app = payment_secrets.commands(lambda _: empty.deployed, nullcontext)
    run = CliRunner()
    shown = ""
    for line, entered in (
        (["add", "stripe"], str(OLD)),
        (["add", "stripe"], NEW),
        (["api-key", "payu"], json.dumps(API_KEYS["payu"])),
        (["list"], ""),
        (["retire", "stripe"], ""),
        (["forget", "payu"], ""),
    ):
        done = run.invoke(app, line, input=entered)
        assert done.exit_code == 0, (line, done.output)
        shown += done.output
    assert held(empty, "WebhookSecrets") == {"stripe": [NEW]}
    assert held(empty, "ProviderApiKeys") == {}
    assert "2 webhook secret(s)" in shown
    assert "secret retire stripe" in shown
    assert not [word for word in (str(OLD), NEW, "made_up") if word in shown]
