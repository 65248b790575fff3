"""Sending caps and the oldest age, from the file to the value that travels."""

from pathlib import Path

from escalon.authoring.rulebook import load_rulebook
from escalon.domain.contact.pacing import Cap

RULES = """\
rulebook: capped
based_on: {base}
language: es-CO
zone: America/Bogota
contact_policy:
  "*": [core.never, house]
chase:
  from: {{COP: 20_000}}
  old_debt_enters: at the first step
caps:
  - {{by: email, per_hour: 2_000, per_day: 20_000}}
  - {{by: sms, creditor: andina, per_hour: 500}}
  - {{per_run: 10_000}}
send_within: 24 hours
strategies:
  standard:
    for: anyone
    ladder:
      - {{step: friendly, stage: reminder, when: 2 days after due, by: [email], say: friendly}}
"""


def test_caps_are_compiled_with_the_place_where_they_are_written(tmp_path: Path) -> None:
    base = Path(__file__).parents[2] / "config"
    (tmp_path / "escalation.yaml").write_text(RULES.format(base=base), encoding="utf-8")
    rulebook = load_rulebook(tmp_path, try_messages=False)
    assert rulebook.caps == (
        Cap("email", "", per_hour=2_000, per_day=20_000, source="escalation.yaml:11"),
        Cap("sms", "andina", per_hour=500, source="escalation.yaml:12"),
        Cap(per_run=10_000, source="escalation.yaml:13"),
    )
    assert rulebook.send_within_hours == 24


def test_a_rulebook_without_them_caps_nothing() -> None:
    rulebook = load_rulebook(Path(__file__).parents[2] / "config", try_messages=False)
    assert (rulebook.caps, rulebook.send_within_hours) == ((), 0)
