"""A small sound rulebook, on the words and policies that are shipped, for tests that edit it."""

from pathlib import Path

CONFIG = Path(__file__).parents[2] / "config"

ESCALATION = """\
rulebook: plain
based_on: ../base
language: es-CO
zone: America/Bogota
contact_policy:
  CO: [core.never, co]
  "*": [core.never, house]
chase:
  from: {COP: 20_000}
  oldest_debt: 5 years
  old_debt_enters: at the step for its age
strategies:
  vip:
    for: tag is vip
    ladder:
      - step: vip-friendly
        stage: reminder
        when: 3 days after due
        by: [email]
        say: friendly
  standard:
    for: anyone
    ladder:
      - step: heads-up
        stage: pre_due
        when: 5 days before due
        by: [email]
        say: heads_up
      - step: friendly
        stage: reminder
        when: 2 days after due
        by: [sms, email]
        say: friendly
      - step: firm
        stage: firm
        when: 20 days after due
        at_least: 7 days after the previous step
        needs: friendly delivered
        by: [email, sms]
        say: firm
      - step: firm-call
        stage: firm
        when: 30 days after due
        only_if: open above COP 200_000
        needs: firm delivered
        task: call
        script: firm_call
      - step: last-notice
        stage: pre_legal
        when: 60 days after due
        needs: firm delivered
        by: [email, letter]
        say: last_notice
        wait: 15 days
    then: review by a person every 30 days
"""


# Taken from the shipped rulebook: of its countries Colombia alone, since reading takes time.
TAKEN = (
    *("messages", "rates", "creditors.yaml", "calendars/CO.yaml"),
    *(f"contact_policies/{name}.yaml" for name in ("core.never", "co", "house")),
)


def written(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """The folder of the sound rulebook with these edits."""
    for name in TAKEN:
        there = tmp_path / "base" / name
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(CONFIG / name)
    folder = tmp_path / "draft"
    folder.mkdir()
    text = ESCALATION
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "escalation.yaml").write_text(text, encoding="utf-8")
    return folder
