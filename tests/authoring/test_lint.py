"""What a rulebook says that is probably not meant: each with its place, and no false alarm."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from escalon.authoring.lint import Finding, book_facts, lint
from escalon.authoring.made_up import climb, climbing
from escalon.authoring.rulebook import load_rulebook
from tests.authoring.lean import CONFIG, written
from tests.domain.debts import account, receivable

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)


def found(folder: Path, **more: Any) -> list[Finding]:
    return lint(folder, load_rulebook(folder, try_messages=False), **{"today": TODAY, **more})


@pytest.mark.parametrize("folder", ["config", "samples/ibm/rulebook"])
def test_the_shipped_rulebooks_have_no_errors(folder: str) -> None:
    path = ROOT / folder
    rulebook = load_rulebook(path, try_messages=False)
    assert [f for f in lint(path, rulebook, today=TODAY) if f.severity == "error"] == []


def test_a_sound_rulebook_has_no_findings(tmp_path: Path) -> None:
    assert found(written(tmp_path)) == []


@dataclass(frozen=True)
class Case:
    """One edit of the sound rulebook, and what is found in it."""

    old: str
    new: str
    rule: str
    severity: str
    says: str
    at: str  # what stands in the line that is named


CASES = {
    "a condition that contradicts itself": Case(
        "only_if: open above COP 200_000",
        "only_if: debtor is company and debtor is person",
        "never-holds", "error",
        "no debt can meet this condition, so firm-call is never taken",
        "only_if:",
    ),
    "a condition that contradicts its ladder's": Case(
        "only_if: open above COP 200_000",
        "only_if: tag is vip",
        "never-holds", "error",
        "no debt that falls on this ladder can meet this condition, so firm-call is never taken",
        "only_if:",
    ),
    "an amount that the ladder leaves to no debt": Case(
        "for: tag is vip",
        "for: open above COP 100_000",
        "never-holds", "error",
        "no debt that falls on this ladder can meet this condition",
        "only_if:",
    ),
    "a ladder that nobody can fall on": Case(
        "for: tag is vip",
        "for: tag is vip and not tag is vip",
        "never-holds", "error",
        "no debt can meet this condition",
        "for: tag is vip",
    ),
    "a ladder below one for anyone": Case(
        "for: tag is vip",
        "for: anyone",
        "never-holds", "error",
        "the ladders above take every debt that this one could",
        "for: anyone\n    ladder:\n      - step: heads-up",
    ),
    "debts that no ladder takes": Case(
        "  standard:\n    for: anyone",
        "  standard:\n    for: debtor is person",
        "no-ladder", "warning",
        "no ladder takes a debt such as: debtor is company, open COP 20,000",
        "strategies:",
    ),
    "a step for debts that are too old to be chased": Case(
        "oldest_debt: 5 years", "oldest_debt: 50 days",
        "too-old", "error",
        "last-notice is never taken: a debt is chased for 50 days",
        "when: 60 days after due",
    ),
    "an action behind a gate for which no step gives the notice": Case(
        "script: firm_call",
        "script: firm_call\n        action: report_bureau",
        "notice-not-given", "warning",
        "the policy of CO wants bureau_notice before report_bureau, and no step of this ladder",
        "action: report_bureau",
    ),
    "no limit to the age of a debt (L8)": Case(
        "  oldest_debt: 5 years\n", "",
        "no-age-limit", "warning",
        "a debt of any age is chased",
        "chase:",
    ),
    "a gap that outlasts the next step's day": Case(
        "at_least: 7 days after the previous step\n        needs: friendly delivered\n"
        "        by: [email, sms]\n        say: firm",
        "at_least: 7 days after the previous step\n        needs: friendly delivered\n"
        "        by: [email, sms]\n        say: firm\n"
        "      - step: firm-again\n        stage: firm\n        when: 24 days after due\n"
        "        at_least: 60 days after the previous step\n        needs: firm delivered\n"
        "        by: [email]\n        say: firm_again",
        "passed-over", "warning",
        "firm-again is never taken by a debt that climbs from the start: it waits (gap), and then "
        "firm-call has come",
        "- step: firm-again",
    ),
    "a notice time that outlasts the next step's day": Case(
        "        by: [sms, email]\n        say: friendly\n",
        "        by: [sms, email]\n        say: friendly\n        wait: 20 days\n"
        "      - step: friendly-again\n        stage: reminder\n        when: 9 days after due\n"
        "        needs: friendly delivered\n        by: [email]\n        say: friendly_again\n",
        "passed-over", "warning",
        "friendly-again is never taken by a debt that climbs from the start: it waits "
        "(notice time), and then firm has come",
        "- step: friendly-again",
    ),
    "steps that a country's policy never lets follow each other (L19)": Case(
        "        by: [sms, email]\n        say: friendly\n",
        "        by: [sms]\n        say: friendly\n"
        "      - step: friendly-again\n        stage: reminder\n        when: 4 days after due\n"
        "        needs: friendly delivered\n        by: [email]\n        say: friendly_again\n"
        "      - step: firm-first\n        stage: firm\n        when: 7 days after due\n"
        "        needs: friendly delivered\n        by: [sms]\n        say: firm\n",
        "passed-over", "warning",
        "friendly-again is never taken by a debt that climbs from the start under the policy of CO",
        "- step: friendly-again",
    ),
    "a severe step that an old debt gets first": Case(
        "        needs: firm delivered\n        by: [email, letter]",
        "        by: [email, letter]",
        "severe-first", "warning",
        "last-notice (pre_legal) needs no milder step, so it may be the first thing said to an old "
        "debt",
        "- step: last-notice",
    ),
    "an approval that nothing asks for (L24)": Case(
        "        by: [email, sms]\n        say: firm\n",
        "        by: [email, sms]\n        say: firm\n        approval: legal\n",
        "idle-key", "warning",
        "`approval` is written on tasks and letters, and firm is a message",
        "approval: legal",
    ),
    "severe words at a mild stage": Case(
        "        by: [email, sms]\n        say: firm\n",
        "        by: [email]\n        say: last_notice\n",
        "harsh-words", "warning",
        "firm (firm) says last_notice, which last-notice says at stage pre_legal",
        "say: last_notice\n      - step: firm-call",
    ),
    "a condition that leaves out a currency that is chased (E1)": Case(
        "from: {COP: 20_000}", "from: {COP: 20_000, USD: 10}",
        "currency-unnamed", "warning",
        "says nothing of USD, which is chased: no amount in it is ever enough",
        "only_if:",
    ),
    "a language that nobody has messages in": Case(
        "for: tag is vip", "for: language is fr",
        "locale-missing", "warning",
        "there are no messages in fr: these debtors are written to in es-CO",
        "for: language is fr",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_found_where_it_stands(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = written(tmp_path, (case.old, case.new))
    findings = found(folder)
    matching = [f for f in findings if f.rule == case.rule and case.says in f.problem.message]
    assert len(matching) == 1, findings
    (finding,) = matching
    text = (folder / "escalation.yaml").read_text(encoding="utf-8")
    start = text.index(case.at)
    assert finding.severity == case.severity
    assert finding.problem.line == text[:start].count("\n") + 1
    assert finding.problem.file == str(folder / "escalation.yaml")
    assert finding.problem.remedy


@pytest.mark.parametrize(("above", "met"), [("above", True), ("from", False)])
def test_a_threshold_that_exactly_one_amount_meets(tmp_path: Path, above: str, met: bool) -> None:
    """What is above (or from) 100,000 has a ladder of its own; the step wants from 100,000 on."""
    folder = written(
        tmp_path,
        ("for: tag is vip", f"for: open {above} COP 100_000"),
        ("only_if: open above COP 200_000", "only_if: open from COP 100_000"),
    )
    assert ("never-holds" not in {f.rule for f in found(folder)}) == met


def test_conditions_of_too_many_kinds_are_not_guessed_at(tmp_path: Path) -> None:
    """No finding rather than a wrong one."""
    tags = " or ".join(f"tag is t{number}" for number in range(16))
    folder = written(tmp_path, ("for: tag is vip", f"for: ({tags}) and not ({tags})"))
    assert [f for f in found(folder) if f.rule == "never-holds"] == []


def policy(tmp_path: Path, name: str, text: str) -> None:
    folder = tmp_path / "base" / "contact_policies"
    folder.mkdir(parents=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


RULE = "source: Reglas internas\n  confidence: house rule\n  reviewed_by: null\n"


def test_a_step_whose_channels_a_country_closes(tmp_path: Path) -> None:
    policy(
        tmp_path, "no_mail",
        f"policy: no_mail\nlevel: house\nchannels:\n  {RULE}  deny: [email, letter]\n",
    )  # fmt: skip
    folder = written(tmp_path, ("CO: [core.never, co]", "CO: [core.never, co, no_mail]"))
    closed = [f for f in found(folder) if f.rule == "nobody-contacted"]
    assert [f.severity for f in closed] == ["error"] * 3  # vip-friendly, heads-up, last-notice
    assert closed[-1].problem.message == (
        "under the policy of CO nobody may be contacted by email or letter (no_mail.channels)"
    )
    # What is closed is told once, not as a step that is passed over too.
    assert "passed-over" not in {f.rule for f in found(folder)}


def test_a_role_to_whom_a_country_lets_nobody_write(tmp_path: Path) -> None:
    policy(
        tmp_path, "debtors",
        f"policy: debtors\nlevel: house\nrecipients:\n  {RULE}  allow: [debtor, guarantor]\n",
    )  # fmt: skip
    by = "        by: [sms, email]\n        say: friendly\n"
    folder = written(
        tmp_path,
        ("CO: [core.never, co]", "CO: [core.never, co, debtors]"),
        (by, f"        to: [debtor, codebtor, guarantor]\n{by}"),
    )
    refused = [f for f in found(folder) if f.rule == "role-not-allowed"]
    assert [(f.severity, f.problem.message) for f in refused] == [
        (
            "warning",
            "the policy of CO lets nobody write to a codebtor (debtors.recipients): there they "
            "are passed over",
        )
    ]
    assert (
        "to:" in (folder / "escalation.yaml").read_text().splitlines()[refused[0].problem.line - 1]
    )


OWED = """\
policy: strict
level: house
duties:
  - {source: us, confidence: house rule, notice: validation_notice, within_days: 5,
     after: first_contact, bars_asking: true}
"""


def test_a_law_that_wants_a_notice_before_it_lets_anybody_ask_again(tmp_path: Path) -> None:
    policy(tmp_path, "strict", OWED)
    folder = written(tmp_path, ("[core.never, house]", "[core.never, house, strict]"))
    owed = [f for f in found(folder) if f.rule == "notice-owed"]
    assert len(owed) == 2  # each ladder once
    assert "nothing more is asked 5 days after the first message" in owed[0].problem.message
    rules = folder / "escalation.yaml"
    given = "        say: heads_up\n        gives: [validation_notice]"
    rules.write_text(rules.read_text().replace("        say: heads_up", given))
    assert len([f for f in found(folder) if f.rule == "notice-owed"]) == 1


def test_words_that_a_policy_forbids_where_others_read_along(tmp_path: Path) -> None:
    policy(
        tmp_path, "quiet",
        f"policy: quiet\nlevel: house\npreview:\n  {RULE}"
        "  places: [subject, sms_start, sender]\n  sms_chars: 40\n"
        "  forbid_words:\n    es: [cuenta, almacen*]\n    en: [account]\n",
    )  # fmt: skip
    folder = written(tmp_path, ("CO: [core.never, co]", "CO: [core.never, co, quiet]"))
    told = {
        (Path(f.problem.file).name, f.problem.message)
        for f in found(folder)
        if f.rule == "forbidden-words" and f.severity == "error"
    }
    assert (
        "firm.j2", "quiet forbids 'cuenta' in the subject: Reglas internas"
    ) in told  # fmt: skip
    assert (
        "creditors.yaml", "quiet forbids 'almacenes' in the sender's name: Reglas internas"
    ) in told  # fmt: skip


def test_a_language_whose_words_nobody_listed_is_not_fit_to_be_seen(tmp_path: Path) -> None:
    policy(
        tmp_path, "spanish",
        f"policy: spanish\nlevel: house\npreview:\n  {RULE}"
        "  places: [subject]\n  forbid_words:\n    es: [deuda]\n",
    )  # fmt: skip
    folder = written(tmp_path, ('"*": [core.never, house]', '"*": [core.never, house, spanish]'))
    files = {f.problem.file for f in found(folder) if f.rule == "forbidden-words"}
    assert files == {
        str(tmp_path / "base" / "messages" / "en" / f"{name}.j2")
        for name in ("heads_up", "friendly", "firm", "last_notice", "receipt", "agreement")
    }


def creditors(tmp_path: Path, **more: str) -> None:
    lines = "".join(f"    {key}: {value}\n" for key, value in more.items())
    (tmp_path / "creditors.yaml").write_text(
        "creditors:\n  andina:\n    name: Almacenes Andina\n    legal_name: Andina S.A.S.\n"
        "    tax_id: NIT 1\n    country: CO\n    email_from: a@example.com\n"
        f"    reply_to: b@example.com\n    phone: '1'\n{lines}",
        encoding="utf-8",
    )


def test_what_a_law_wants_to_be_shown_and_the_creditor_does_not_give(tmp_path: Path) -> None:
    policy(
        tmp_path, "address",
        "policy: address\nlevel: house\ncontent:\n"
        f"  - {RULE.replace('  ', '    ')}    require: [creditor_address, creditor_name]\n",
    )  # fmt: skip
    folder = written(tmp_path, ("CO: [core.never, co]", "CO: [core.never, co, address]"))
    creditors(folder)
    told = [f.problem for f in found(folder) if f.rule == "not-shown"]
    assert [p.message for p in told] == [
        f"{what} in {locale} {verb} not show creditor_address, which the policy of CO wants "
        "(Reglas internas)"
        for what, verb in (("messages", "do"), ("the agreement", "does"), ("the receipt", "does"))
        for locale in ("en", "es-CO")
    ]
    assert {(p.file, p.line) for p in told} == {(str(folder / "creditors.yaml"), 2)}
    creditors(folder, address="Carrera 7")
    assert [f for f in found(folder) if f.rule == "not-shown"] == []


def test_what_a_law_wants_to_be_said_is_in_its_policys_own_words(tmp_path: Path) -> None:
    """Section 10 of the contact law: what no datum of the debt shows has to be said."""
    rule = RULE.replace("  ", "    ")
    require = "    require: [not_a_court_proceeding, interest_and_fees, calculation_date]\n"
    text = f"policy: words\nlevel: house\ncontent:\n  - {rule}{require}"
    policy(tmp_path, "words", text)
    folder = written(tmp_path, ("CO: [core.never, co]", "CO: [core.never, co, words]"))
    assert {f.problem.message for f in found(folder) if f.rule == "not-shown"} == {
        f"{what} in {locale} {verb} not show not_a_court_proceeding, which the policy of CO wants "
        "(Reglas internas)"
        for what, verb in (("messages", "do"), ("the agreement", "does"), ("the receipt", "does"))
        for locale in ("en", "es-CO")
    }
    say = "    say:\n      not_a_court_proceeding: {es: No es un juicio., en: No law suit.}\n"
    (tmp_path / "base" / "contact_policies" / "words.yaml").write_text(text + say, encoding="utf-8")
    assert [f for f in found(folder) if f.rule == "not-shown"] == []


def template(tmp_path: Path, opening: str, name: str = "friendly") -> None:
    """Another text for a message, in a copy of the shipped ones."""
    messages = tmp_path / "base" / "messages"
    messages.unlink()
    shutil.copytree(CONFIG / "messages", messages)
    words = (
        "{% block subject %}Su cuenta con {{ creditor.name }}{% endblock %}"
        "{% block preheader %}Detalle de su cuenta.{% endblock %}\n"
        f"{{% block opening %}}\n{opening}\n{{% endblock %}}"
        "{% block closing %}Gracias.{% endblock %}"
        "{% block sms %}{{ creditor.name }}: gracias{% endblock %}"
    )
    messages.joinpath("es-CO", f"{name}.j2").write_text(words, encoding="utf-8")


def test_an_sms_shows_what_the_law_wants_or_leads_to_where_it_stands(tmp_path: Path) -> None:
    """A message of a name and a thank-you, as this template's SMS is, keeps the law's blocks from
    whoever gets it; the shipped ones lead to the debtor's page."""
    folder = written(tmp_path)
    template(tmp_path, "Su cuenta.")
    of_law = [f for f in found(folder) if f.rule == "not-shown"]
    assert {f.severity for f in of_law} == {"error"}
    assert {Path(f.problem.file).parts[-2:] for f in of_law} == {("es-CO", "friendly.j2")}
    assert {f.problem.message.split(",")[0] for f in of_law} == {
        f"the SMS does not show {block}"
        for block in (
            *("amount_breakdown", "automated_agent_notice", "change_channel_or_stop"),
            *("complaints_contact", "due_date", "how_to_dispute", "how_to_pay", "obligation"),
        )
    }


def test_a_tone_too_stern_for_its_stage(tmp_path: Path) -> None:
    folder = written(tmp_path)
    template(tmp_path, "Le exigimos el pago. Nuestros abogados ya están listos.")
    told = {(f.severity, f.problem.message) for f in found(folder) if f.rule == "tone"}
    assert told == {
        ("warning", "'exigimos' demands, where one still reminds"),
        ("warning", "'abogados' speaks of lawyers or law suits before the pre-legal stage"),
    }


def test_a_message_that_is_hard_to_read(tmp_path: Path) -> None:
    folder = written(tmp_path)
    template(
        tmp_path,
        "Mediante la presente comunicación procedemos a notificarle fehacientemente la existencia "
        "de obligaciones pecuniarias derivadas de la documentación contractual correspondiente, "
        "solicitándole la regularización de la situación precedentemente mencionada",
    )
    (finding,) = [f for f in found(folder) if f.rule == "hard-to-read"]
    assert finding.problem.message == "its readability is -12; plain language has 55 or more"
    assert finding.problem.line == 2


def test_a_creditors_text_that_a_language_lacks(tmp_path: Path) -> None:
    folder = written(tmp_path)
    creditors(folder, complaints="{es-CO: Escríbanos}")
    (finding,) = [f for f in found(folder) if f.rule == "locale-missing"]
    assert finding.problem.message == "there is no text for readers of en"
    assert finding.problem.line == 10


def test_an_sms_of_more_segments_than_wanted(tmp_path: Path) -> None:
    folder = written(
        tmp_path, ("by: [email]\n        say: heads_up", "by: [sms]\n        say: offer")
    )
    assert [f for f in found(folder, most_segments=2) if f.rule == "sms-long"] == []
    long = {
        (_line(f), f.problem.message)
        for f in found(folder, most_segments=1)
        if f.rule == "sms-long" and f.problem.file.endswith("en/offer.j2")
    }
    assert long == {("{% block sms %}", "the SMS takes 2 segments for one receivable")}


def _line(finding: Finding) -> str:
    lines = Path(finding.problem.file).read_text(encoding="utf-8").splitlines()
    return lines[finding.problem.line - 1]


@pytest.mark.parametrize(
    ("today", "severity"),
    [
        (date(2035, 10, 2), None),  # 90 days before the last one that is loaded
        (date(2035, 10, 3), "warning"),
        (date(2035, 12, 31), "warning"),
        (date(2036, 1, 1), "error"),
    ],
)
def test_holidays_that_end_soon(tmp_path: Path, today: date, severity: str | None) -> None:
    told = [f for f in found(written(tmp_path), today=today) if f.rule == "holidays-missing"]
    assert [f.severity for f in told] == ([severity] if severity else [])
    assert all("the holidays of CO are loaded up to 2035-12-31" in f.problem.message for f in told)


def test_months_whose_ceiling_of_interest_is_missing(tmp_path: Path) -> None:
    folder = written(tmp_path)
    creditors(
        folder,
        interest="{cap: co_usura_consumo, since: 2026-11-01, currencies: [COP]}",
    )
    told = [f.problem for f in found(folder) if f.rule == "rate-missing"]
    assert told[0].message == "2026-11 is missing: andina charge no interest for it"
    assert told[0].file == str(tmp_path / "base" / "rates" / "co_usura_consumo.yaml")


def test_what_a_book_has_and_the_rules_do_not_know(tmp_path: Path) -> None:
    folder = written(tmp_path)
    euros = receivable(currency="EUR", open_minor=123_45, creditor="nobody")
    book = book_facts([account(receivable(), euros, language="fr", tags=("sme",))])
    told = {f.rule: f for f in found(folder, book=book)}
    assert told["book-currency"].problem.message == (
        "there is 1 account in EUR (EUR 123.45 open) and no least amount: they are never chased"
    )
    assert told["book-creditor"].severity == "error"
    assert told["book-creditor"].problem.message == (
        "there is 1 account to nobody, who is not listed: no message can be written for it"
    )
    assert told["book-language"].problem.message == (
        "there is 1 account of readers of fr, who get es-CO"
    )
    assert told["book-tag"].problem.message == "no account of the book has the tag vip"
    known = book_facts([account(receivable(), language="es", tags=("vip",))])
    assert found(folder, book=known) == []


def test_a_ladder_that_only_an_experiment_hands_out_is_climbed_all_the_same(tmp_path: Path) -> None:
    """It is no ladder that nobody can fall on: the calendar and the lint show what it would do."""
    folder = written(tmp_path, ("for: tag is vip", "for: nobody"))
    assert found(folder) == []
    rules = load_rulebook(folder, try_messages=False)
    (case, *_) = climbing(rules, 0)
    looks = climb(rules, rules.strategies[0], case, "CO", date(2026, 9, 1))
    acts = [look.decision.step for look in looks if look.decision.outcome == "act"]
    assert acts[0] == "vip-friendly"


def test_conditions_on_what_no_made_up_debt_has_are_not_guessed_at(tmp_path: Path) -> None:
    folder = written(tmp_path, ("for: tag is vip", "for: share late at least 40 %"))
    assert [f.rule for f in found(folder)] == []
