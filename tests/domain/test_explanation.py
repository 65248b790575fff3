"""Explanations: whatever the engine can say has a sentence in both languages (invariant 11)."""

import ast
import re
from datetime import date
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from escalon.domain.agreements import due
from escalon.domain.contact import co_debtors, told
from escalon.domain.contact.policy import Deny
from escalon.domain.decisions import (
    by_channel,
    engine,
    explanation,
    ladder,
    last_look,
    owed,
    rung,
)
from escalon.domain.decisions.decision import Decision, Reason, Refusal
from escalon.domain.decisions.engine import decide
from escalon.domain.decisions.explanation import (
    REASON_CODES,
    explain,
    refusal_sentence,
    rule_of,
    sentence,
    sentences,
)
from escalon.domain.rules.rulebook import LadderEnd
from escalon.usecases.contact import deliver
from tests.domain.debts import BOGOTA, account, at, receivable, rulebook, step

ZONES = (BOGOTA,)
RULES = rulebook(step("friendly", 2))


# The modules that give reasons.
SOURCES: tuple[ModuleType, ...] = (
    *(engine, owed, ladder, by_channel, rung, last_look),
    *(told, due, co_debtors, deliver),
)


def emitted() -> set[str]:
    """Every code that the sources of the engine can put into a Reason."""
    texts = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in SOURCES]
    tree = ast.parse("\n".join(texts))
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in ("Reason", "reason_about"):
            code = node.args[1 if node.func.id == "reason_about" else 0]
            found |= {
                each.value
                for each in ast.walk(code)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            found |= {
                each.value
                for each in ast.walk(node.value)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
    return found


def test_every_reason_of_the_engine_has_a_sentence_and_every_sentence_a_reason() -> None:
    assert emitted() == REASON_CODES


@pytest.mark.parametrize("code", sorted(REASON_CODES))
def test_both_languages_say_the_same_things(code: str) -> None:
    spanish, english = explanation._SENTENCES[code]
    assert set(re.findall(r"{(\w+)}", spanish)) == set(re.findall(r"{(\w+)}", english))
    assert spanish != english
    for locale in ("es-CO", "en"):
        assert "{" not in sentence(Reason(code, {}), locale=locale, zones=ZONES)


def test_a_decision_reads_as_a_person_says_it() -> None:
    decision = decide(account(receivable()), RULES, at("2026-09-05 09:00"))
    assert explain(decision, locale="en", zones=ZONES) == [
        "step friendly has been due since 3 September 2026: receivable r1 is 4 days past due",
        "channel email may be used",
    ]
    assert explain(decision, locale="es-CO", zones=ZONES) == [
        "el paso friendly corresponde desde el 3 de septiembre de 2026: "
        "el documento r1 lleva 4 días desde su vencimiento",
        "se puede usar el canal email",
    ]


def test_instants_are_told_on_the_debtors_clock() -> None:
    reason = Reason("policy_closed", {"step": "firm", "until": at("2026-09-14 07:00")})
    assert sentence(reason, locale="en", zones=ZONES) == (
        "the contact policy allows step firm from Monday 14 September 2026, 07:00 on"
    )
    assert sentence(reason, locale="es", zones=("Asia/Tokyo",)) == (
        "la política de contacto permite el paso firm a partir del "
        "lunes 14 de septiembre de 2026, 21:00"
    )


def test_what_has_no_end_is_until_further_notice() -> None:
    reason = Reason("account_hold", {"kind": "insolvency", "until": None})
    assert sentence(reason, locale="en", zones=ZONES) == (
        "the account is on hold (insolvency) until further notice"
    )
    assert sentence(reason, locale="es", zones=ZONES).endswith("hasta nuevo aviso")


def test_money_under_way_is_told_with_its_end() -> None:
    reason = Reason("payment_awaited", {"creditor": "andina", "until": at("2026-09-11 09:00")})
    assert sentence(reason, locale="en", zones=ZONES) == (
        "a payment to andina is under way: nothing is asked for in its name before "
        "Friday 11 September 2026, 09:00"
    )
    assert sentence(reason, locale="es", zones=ZONES) == (
        "hay un pago en camino a andina: no se cobra nada en su nombre antes del "
        "viernes 11 de septiembre de 2026, 09:00"
    )


def test_a_feed_that_is_not_fresh_is_told_with_its_last_word() -> None:
    """L7"""
    about = {"feed": "bank", "at_most_hours": 36}
    told = Reason("payments_not_fresh", {**about, "since": at("2026-09-02 23:00")})
    assert sentence(told, locale="en", zones=ZONES) == (
        "messages wait: the payments of bank are not fresh "
        "(last told: Wednesday 2 September 2026, 23:00; at most 36 hours may have passed)"
    )
    never = Reason("payments_not_fresh", {**about, "since": None})
    assert sentence(never, locale="en", zones=ZONES) == (
        "messages wait: the payments of bank are not fresh "
        "(last told: never; at most 36 hours may have passed)"
    )
    assert sentence(never, locale="es-CO", zones=ZONES) == (
        "los mensajes esperan: los pagos de bank no están al día "
        "(última noticia: nunca; máximo 36 horas)"
    )


def test_work_for_a_person_is_named_in_the_readers_language() -> None:
    reason = Reason("ladder_ended", {"strategy": "standard", "task": "review"})
    assert sentence(reason, locale="es", zones=ZONES) == (
        "la escalera standard terminó: corresponde revisión por una persona"
    )


def test_a_refusal_says_the_law_and_when_it_opens() -> None:
    refusal = Refusal(
        "andina", "firm", "sms", "co.windows", "Ley 2300 de 2023, art. 3", "window_closed",
        at("2026-09-14 07:00"),
    )  # fmt: skip
    assert refusal_sentence(refusal, locale="es", zones=ZONES, as_of=at("2026-09-13 09:00")) == (
        "sms: la política de contacto abre el lunes 14 de septiembre a las 07:00 "
        "(Ley 2300 de 2023, art. 3)"
    )
    assert "2026" in refusal_sentence(refusal, locale="en", zones=ZONES)


def test_every_refusal_of_the_policy_can_be_told() -> None:
    codes = Deny.__annotations__["reason"].__args__
    params = {
        "channel": "sms", "used": "email", "max": "1", "per": "calendar_day", "day": "2026-12-25",
        "year": "2040", "role": "reference", "failed": "bounce",
    }  # fmt: skip
    for code in codes:
        refusal = Refusal("andina", "firm", "sms", "co.x", "", code, None, params)
        for locale in ("es", "en"):
            assert "{" not in refusal_sentence(refusal, locale=locale, zones=ZONES)


def test_what_is_kept_in_the_history_reads_the_same_a_year_later() -> None:
    decision = decide(account(receivable(None)), RULES, at("2026-09-05 09:00"))
    waiting = decide(account(receivable("2026-09-10")), RULES, at("2026-09-05 09:00"))
    for each in (decision, waiting):
        kept = msgspec.json.decode(msgspec.json.encode(each.reasons))
        assert sentences(kept, locale="en", zones=ZONES) == explain(each, locale="en", zones=ZONES)
    again = msgspec.json.decode(msgspec.json.encode(waiting), type=Decision)
    assert again.next_look_at == waiting.next_look_at


def test_a_text_that_looks_like_a_date_and_is_none_stays_as_it_is() -> None:
    reason = Reason("not_issued", {"receivable": "2026-13-45", "on": date(2026, 9, 1)})
    assert sentence(reason, locale="en", zones=ZONES) == (
        "receivable 2026-13-45 is issued on 1 September 2026"
    )


def test_what_is_needed_is_said_of_reasons_that_there_are_in_both_languages() -> None:
    for code, (spanish, english) in explanation._NEEDED.items():
        assert code in REASON_CODES
        assert set(re.findall(r"{(\w+)}", spanish)) == set(re.findall(r"{(\w+)}", english)), code


def test_a_rule_is_named_by_its_file_and_line() -> None:
    first = step("friendly", 2, source="escalation.yaml:12")
    rules = rulebook(first, end=LadderEnd("review", 30, source="escalation.yaml:20"))
    assert rule_of(rules, "plain", "friendly") == "escalation.yaml:12"
    assert rule_of(rules, "plain", "end") == "escalation.yaml:20"
    assert rule_of(rules, "other", "friendly") == ""
