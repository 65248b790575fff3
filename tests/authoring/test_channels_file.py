"""channels.yaml: what each channel is set up to do, and steps that go by what is set up only."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escalon.authoring.rulebook import RulebookError, load_rulebook
from escalon.domain.account import StepRecord
from escalon.domain.contact.channels import (
    Channels,
    ReplyRules,
    SmsCountry,
    SmsRules,
    WhatsappTemplate,
)
from escalon.domain.contact.unheard import counts_as_delivered

HERE = Path(__file__).parents[1] / "usecases" / "rulebook"
CONFIG = Path(__file__).parents[2] / "config"

SETS_UP = """\
sms:
  most_segments: 2
  delivery_log: yes
  countries:
    CO: {two_way: no, sender_ids: no, most_price: USD 0.05}
    "*": {two_way: yes, sender_ids: yes}
whatsapp:
  templates:
    friendly:
      template: recordatorio
      languages: {es-CO: es_CO, en: en}
      body: [creditor, to_pay]
      link_button: yes
replies: {pause: 5 days, due_within: 2 days}
"""


def folder(tmp_path: Path, channels: str | None, by: str = "[email, sms]") -> Path:
    made = tmp_path / "rules"
    shutil.copytree(HERE, made)
    file = made / "escalation.yaml"
    text = file.read_text(encoding="utf-8").replace("../../../config", str(CONFIG))
    file.write_text(text.replace("by: [email, sms]", f"by: {by}", 1), encoding="utf-8")
    if channels is not None:
        (made / "channels.yaml").write_text(channels, encoding="utf-8")
    return made


def loaded(path: Path) -> Channels:
    return load_rulebook(path, try_messages=False).channels


def problems(path: Path) -> list[str]:
    with pytest.raises(RulebookError) as raised:
        loaded(path)
    return [f"{Path(p.file).name}:{p.line} {p.message}" for p in raised.value.problems]


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    assert loaded(folder(tmp_path, SETS_UP, "[whatsapp, email]")) == Channels(
        ("email", "sms", "whatsapp"),
        SmsRules(
            2,
            {"CO": SmsCountry(most_price="0.05"), "*": SmsCountry(two_way=True, sender_ids=True)},
            delivery_log=True,
        ),
        {
            "friendly": WhatsappTemplate(
                "recordatorio", {"es-CO": "es_CO", "en": "en"}, ("creditor", "to_pay"), True
            )
        },
        ReplyRules(5, 2),
    )


def test_the_shipped_one_promises_no_reply_anywhere_and_has_no_whatsapp(tmp_path: Path) -> None:
    """A STOP that nobody reads would be a broken promise; WhatsApp needs Meta's approval."""
    shipped = loaded(folder(tmp_path, None))
    assert shipped.served == ("email", "sms")
    assert {c.two_way or c.sender_ids for c in shipped.sms.countries.values()} == {False}
    assert shipped.sms.of("CO") == SmsCountry()


def test_an_sms_of_which_nothing_is_told_proves_something_only_without_the_log() -> None:
    """Lesson L10: where a carrier tells of every delivery, silence is none."""
    said = StepRecord(datetime(2026, 9, 1, 15, tzinfo=UTC), "sent", "sms", "m1")
    later = datetime(2026, 9, 3, 15, tzinfo=UTC)
    assert Channels().telling == {"email"}
    logged = Channels(sms=SmsRules(delivery_log=True))
    assert logged.telling == {"email", "sms"}
    for channels, arrived in ((Channels(), True), (logged, False)):
        found = counts_as_delivered(said, channels.telling, timedelta(hours=48), later)
        assert found is arrived


def test_what_holds_for_a_country_is_its_own_then_any_others() -> None:
    here, any_other = SmsCountry(two_way=True), SmsCountry(sender_ids=True)
    rules = SmsRules(countries={"US": here, "*": any_other})
    assert (rules.of("US"), rules.of("CO"), rules.of("")) == (here, any_other, any_other)
    assert SmsRules().of("US") == SmsCountry()


def test_a_step_by_whatsapp_wants_it_set_up(tmp_path: Path) -> None:
    assert problems(folder(tmp_path, "sms: {}\n", "[whatsapp, sms]")) == [
        "escalation.yaml:22 WhatsApp is not set up"
    ]


def test_its_message_wants_a_template_in_every_language(tmp_path: Path) -> None:
    other = SETS_UP.replace("friendly:", "firm:")
    assert problems(folder(tmp_path / "a", other, "[whatsapp, sms]")) == [
        "escalation.yaml:22 there is no WhatsApp template for friendly"
    ]
    one = SETS_UP.replace("{es-CO: es_CO, en: en}", "{en: en}")
    assert problems(folder(tmp_path / "b", one, "[whatsapp, sms]")) == [
        "escalation.yaml:22 the WhatsApp template for friendly is not there in es-CO"
    ]


def test_a_date_that_the_step_does_not_have_cannot_be_said(tmp_path: Path) -> None:
    """It would fail on every debtor, and the step would go by its next channel without a word."""
    dated = SETS_UP.replace("[creditor, to_pay]", "[creditor, respond_by]")
    assert problems(folder(tmp_path, dated, "[whatsapp, sms]")) == [
        "escalation.yaml:22 the WhatsApp template for friendly says until when to answer, and the "
        "step does not"
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("most_price: USD 0.05", "most_price: 0.05", "channels.yaml:5 cannot read '0.05'"),
        ("most_price: USD 0.05", "most_price: USD 0", "channels.yaml:5 for nothing no SMS is sent"),
        ("two_way: yes", "two_way: true", "channels.yaml:6 cannot read true"),
        ("most_segments: 2", "most_segments: 0", "channels.yaml:2"),
        ("[creditor, to_pay]", "[creditor, iban]", "channels.yaml:12"),
        ("pause: 5 days", "pause: a while", "channels.yaml:14 cannot read 'a while'"),
        ("template: recordatorio", "template: Recordatorio de pago", "channels.yaml:10"),
        ("CO: {two", "Colombia: {two", "channels.yaml:5"),
        ("replies:", "answers:", "channels.yaml:14"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, was: str, becomes: str, told: str
) -> None:
    (first, *_) = problems(folder(tmp_path, SETS_UP.replace(was, becomes)))
    assert first.startswith(told), first


def test_only_an_email_has_anything_attached(tmp_path: Path) -> None:
    path = folder(tmp_path, None, "[sms]")
    file = path / "escalation.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("say: friendly", "say: friendly\n        attach: statement", 1))
    assert problems(path) == ["escalation.yaml:24 only an e-mail has anything attached"]
    file.write_text(file.read_text().replace("by: [sms]", "by: [sms, email]"))
    rulebook = load_rulebook(path, try_messages=False)
    assert rulebook.strategies[0].steps[0].attach == "statement"
