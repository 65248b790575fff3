"""The registry, and what a provider module may cost and know."""

import json
import subprocess
import sys
from typing import get_args

import pytest

from escalon.domain.rules import rulebook
from escalon.providers.provider import Asked, OpensCheckouts, PaysOnline, Question
from escalon.providers.registry import KINDS, module_of

CAN = {
    "epayco": (True, False, False),
    "mercadopago": (True, False, True),
    "payu": (True, True, False),
    "standard_webhooks": (False, False, False),
    "stripe": (True, False, True),
    "wompi": (True, True, False),
}


def test_every_kind_that_a_rulebook_may_name_has_a_module() -> None:
    assert set(KINDS) == set(CAN) == set(get_args(rulebook.ProviderKind.__value__))
    with pytest.raises(KeyError):
        module_of("paypal")


@pytest.mark.parametrize("kind", KINDS)
def test_what_each_can(kind: str) -> None:
    module = module_of(kind)
    assert module.__name__ == f"escalon.providers.{kind}"
    can = tuple(isinstance(module, offer) for offer in (Asked, PaysOnline, OpensCheckouts))
    assert can == CAN[kind]


def loaded_by(code: str) -> set[str]:
    """The top names of what a fresh interpreter has loaded after running it."""
    program = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return set(json.loads(ran.stdout))


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_costs_the_standard_library_and_msgspec(kind: str) -> None:
    loaded = loaded_by(f"from escalon.providers.registry import module_of; module_of({kind!r})")
    own = loaded_by("import msgspec, sysconfig; sysconfig.get_config_vars()")
    foreign = {name.partition(".")[0] for name in loaded - own} - sys.stdlib_module_names
    assert foreign == {"escalon"}
    parts = {name.split(".")[1] for name in loaded if name.startswith("escalon.")}
    assert parts == {"domain", "providers"}


def test_the_registry_loads_nobody_who_is_not_called() -> None:
    loaded = loaded_by("import escalon.providers.registry")
    assert not {f"escalon.providers.{kind}" for kind in KINDS} & loaded


def test_a_question_is_told_without_its_keys() -> None:
    question = Question("POST", "https://api.example/x?key=1", {"Authorization": "Bearer 2"}, b"3")
    assert repr(question) == str(question) == "Question(POST https://api.example/x)"
