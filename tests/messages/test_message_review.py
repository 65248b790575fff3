"""Messages are tried before they are published; every mistake is found at once, with its line."""

import re
from datetime import date

import msgspec
import pytest

from escalon.domain.rules.rulebook import Creditor, Step
from escalon.messages.review import Finding, review_messages

type Sources = dict[str, str]

TODAY = date(2027, 3, 12)


def step(message: str, stage: str = "firm", channels: tuple[str, ...] = ("email", "sms")) -> Step:
    return Step(step=message, stage=stage, day=20, channels=channels, message=message)  # type: ignore[arg-type]


def review(
    sources: Sources, *steps: Step, creditors: list[Creditor], locale: str = "es-CO"
) -> list[Finding]:
    return review_messages(sources, locale, steps=steps, creditors=creditors, today=TODAY)


@pytest.mark.parametrize("locale", ["es-CO", "en"])
@pytest.mark.parametrize("currency", ["COP", "USD"])
def test_the_shipped_messages_pass(
    shipped: dict[str, Sources], andina: Creditor, locale: str, currency: str
) -> None:
    steps = [
        step("heads_up", "pre_due"),
        step("due_tomorrow", "pre_due"),
        step("friendly", "reminder"),
        step("friendly_again", "reminder"),
        step("firm"),
        step("firm_again"),
        step("offer", "negotiation"),
        step("last_notice", "pre_legal"),
        step("legal_notice", "legal"),
    ]
    short = msgspec.structs.replace(andina, creditor="etb", name="E", brand_colour="#ffd400")
    assert (
        review_messages(
            shipped[locale],
            locale,
            steps=steps,
            creditors=[andina, short],
            today=TODAY,
            currency=currency,
        )
        == []
    )


@pytest.mark.parametrize("locale", ["es-CO", "en"])
def test_the_shipped_notices_pass_and_name_a_bureau_as_notices_alone(
    shipped: dict[str, Sources], andina: Creditor, locale: str
) -> None:
    """Ley 1266 de 2008, art. 12: a bureau is spoken of in what the gate before it wants."""

    def gives(*notices: str) -> list[str]:
        said = msgspec.structs.replace(step("bureau_notice", channels=("email",)), gives=notices)
        found = review(shipped[locale], said, creditors=[andina], locale=locale)
        return sorted({finding.message for finding in found})

    assert gives("bureau_notice") == []
    outside = {
        "es-CO": "the text has 'centrales de riesgo': warns of a credit bureau outside its own "
        "notice",
        "en": "the text has 'credit bureaus': warns of a credit bureau outside its own notice",
    }
    assert gives() == [outside[locale]]
    assert gives("useful_notice") == [outside[locale]]
    both = [
        msgspec.structs.replace(step("bureau_notice", channels=("email",)), gives=gives)
        for gives in (("bureau_notice",), ())
    ]
    found = review(shipped[locale], *both, creditors=[andina], locale=locale)
    assert {finding.message for finding in found} == {outside[locale]}
    seen = dict(shipped[locale])
    seen["bureau_notice"] = re.sub(
        r"(block (?:subject|preheader) %\}).*?\{%", r"\1TransUnion{%", seen["bureau_notice"]
    )
    notice = both[0]
    found = review(seen, notice, creditors=[andina], locale=locale)
    assert {finding.message.partition(":")[0] for finding in found} == {"the text has 'transunion'"}
    others = [
        step("useful_notice", "reminder"),
        step("validation_notice", "reminder", ("email",)),
        msgspec.structs.replace(
            step("receipted_demand", channels=("email",)), gives=("receipted_demand",)
        ),
    ]
    assert review(shipped[locale], *others, creditors=[andina], locale=locale) == []


def test_every_mistake_of_a_template_is_found_at_once(
    shipped: dict[str, Sources], andina: Creditor
) -> None:
    source = (
        "{% block subject %}Su deuda de $ 5.000 con {{ creditor.name }}{% endblock %}\n"
        "{% block preheader %}{{ deptor_name }}{% endblock %}\n"
        "{% block opening %}{{ oldest.documnt }}{% endblock %}\n"
        "{% block closing %}\n"
        "Pague hoy.\n"
        "De lo contrario, iremos a un juzgado.\n"
        "{% endblock %}\n"
    )
    found = review({**shipped["es-CO"], "firm": source}, step("firm"), creditors=[andina])
    assert [(f.template, f.line, f.message) for f in found] == [
        ("firm", 0, "the block 'sms' is missing"),
        ("firm", 1, "the subject has '$ 5.000': an amount"),
        ("firm", 1, "the subject has 'deuda': a word of debt"),
        ("firm", 2, "'deptor_name' is not known"),
        ("firm", 3, "'documnt' is not known in StatementLine"),
        ("firm", 6, "the text has 'de lo contrario': threatens"),
        ("firm", 6, "the text has 'juzgado': feigns a court paper"),
    ]
    assert found[0].remedy == "write {% block sms %} … {% endblock %}"


def test_a_mistake_in_one_branch_is_found(shipped: dict[str, Sources], andina: Creditor) -> None:
    """Only a statement with several currencies, a codebtor, a notice without date shows these."""
    for condition in (
        "overdue_total|length > 1",
        'role == "codebtor"',
        "not respond_by",
        "credit",
        "is_company",
        "beyond",
        "not pay_url",
        "overdue_count > 20",
        "oldest.days_past_due == 1",
        "oldest.partly_paid",
    ):
        source = shipped["es-CO"]["firm"].replace(
            "{% block closing %}",
            f"{{% block closing %}}{{% if {condition} %}}{{{{ x }}}}{{% endif %}}",
        )
        found = review({**shipped["es-CO"], "firm": source}, step("firm"), creditors=[andina])
        assert [f.message for f in found] == ["'x' is not known"], condition


def test_only_the_channels_of_the_step_are_tried(
    shipped: dict[str, Sources], andina: Creditor
) -> None:
    source = shipped["es-CO"]["firm"].partition("{% block sms %}")[0]
    sources = {**shipped["es-CO"], "firm": source}
    assert review(sources, step("firm", channels=("email", "letter")), creditors=[andina]) == []
    assert len(review(sources, step("firm", channels=("sms",)), creditors=[andina])) == 1


def test_a_message_in_the_wrong_stage_is_found(
    shipped: dict[str, Sources], andina: Creditor
) -> None:
    """`firm` speaks of the oldest overdue line, and before the due date there is none."""
    found = review(shipped["es-CO"], step("firm", "pre_due"), creditors=[andina])
    assert found
    assert all(f.template == "firm" for f in found)


@pytest.mark.parametrize(("words", "segments"), [(0, 0), (110, 0), (180, 3)])
def test_an_sms_of_more_than_two_segments_is_found(
    shipped: dict[str, Sources], andina: Creditor, words: int, segments: int
) -> None:
    source = shipped["es-CO"]["firm"].replace(
        '{{ say("sms_end") }}', f'{{{{ say("sms_end") }}}} {"a" * words}'
    )
    found = review({**shipped["es-CO"], "firm": source}, step("firm"), creditors=[andina])
    assert [f.message for f in found] == (
        [f"the SMS takes {segments} segments for one receivable"] if segments else []
    )


def test_a_senders_name_is_looked_at_as_well(shipped: dict[str, Sources], andina: Creditor) -> None:
    cobros = msgspec.structs.replace(andina, creditor="cobros", name="Cobros Andinos")
    found = review(shipped["es-CO"], step("firm"), creditors=[cobros])
    assert found[0].message == "the name of cobros has a word of debt: cobros"
    assert "the subject has 'cobros': a word of debt" in {f.message for f in found}


def test_a_colour_or_an_address_that_no_message_can_use_is_found(
    shipped: dict[str, Sources], andina: Creditor
) -> None:
    red = msgspec.structs.replace(andina, creditor="red", brand_colour="red")
    found = review(shipped["es-CO"], step("firm"), creditors=[andina, red])
    assert [f.message for f in found] == ["brand_colour 'red' is no colour; write it like #1f4e5f"]
