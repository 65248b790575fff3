"""Makes a replay's folder up: a small portfolio walked along a ladder, deterministic by its seed.

It is no second engine: it only has to give the page every kind of record, in plausible numbers. One
account carries hostile text in every field that a debtor or an ERP could have written.
"""

import html
import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

BOGOTA = ZoneInfo("America/Bogota")
HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">\'\u2028'
LADDER = (
    # step, stage, days past due, channel or task, subject
    ("heads-up", "pre_due", -3, "email", "Su estado de cuenta de Andina"),
    ("friendly", "reminder", 2, "sms", ""),
    ("friendly-again", "reminder", 9, "email", "Un recordatorio de Andina"),
    ("firm", "firm", 20, "email", "Su cuenta con Andina necesita atención"),
    ("call", "firm", 30, "task:call", ""),
    ("offer", "negotiation", 45, "email", "Una propuesta para su cuenta"),
    ("last-notice", "pre_legal", 75, "email", "Aviso sobre su cuenta con Andina"),
    ("legal-review", "legal", 95, "task:legal_review", ""),
)
HOLIDAYS = {date(2026, 7, 13), date(2026, 7, 20), date(2026, 8, 7), date(2026, 8, 17)}
FIRST = [
    "Luz Marina",
    "Jorge Iván",
    "Paola",
    "Andrés Felipe",
    "Yolanda",
    "Wilson",
    "Diana Carolina",
    "Hernán",
]
LAST = [
    "Restrepo",
    "Quintero",
    "Ospina",
    "Barrios",
    "Zapata",
    "Cárdenas",
    "Muñoz",
    "Arboleda",
    "Ñungo",
    "Pedraza",
]
FIRMS = [
    "Ferretería La Palma",
    "Droguería San Rafael",
    "Transportes del Sinú",
    "Panadería El Trigal",
]


@dataclass
class _Books:
    """What will be written, file by file."""

    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, file: str, **row: Any) -> None:
        self.files.setdefault(file, []).append(row)


def fabricate(
    out: Path,
    *,
    accounts: int = 12,
    receivables_each: int = 3,
    seed: int = 7,
    from_on: date = date(2026, 6, 1),
    to_on: date = date(2026, 9, 30),
) -> Path:
    """Write a whole replay's folder into `out` and return it."""
    random = Random(seed)
    books = _Books()
    (out / "emails").mkdir(parents=True, exist_ok=True)
    looks: dict[date, dict[str, int]] = {}
    for number in range(accounts):
        _account(books, out, random, number, receivables_each, from_on, to_on, looks)
    for name, rows in books.files.items():
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    runs = []
    for day, counts in sorted(looks.items()):
        spare = random.randrange(3)
        acted, waited, held = counts.get("act", 0), counts.get("wait", 0), counts.get("hold", 0)
        runs.append(
            {
                "run_id": f"run-{day.isoformat()}T09:00",
                "at": datetime.combine(day, time(9), BOGOTA).isoformat(),
                "looked_at": acted + waited + held + spare,
                "acted": acted,
                "waited": waited,
                "held": held,
                "skipped": {"nothing_open": spare} if spare else {},
                "failed": 0,
                "conflict": random.randrange(2),
            }
        )
    summary = {
        "from": from_on.isoformat(),
        "to": to_on.isoformat(),
        "zone": "America/Bogota",
        "rulebook_version": "rb-3f9c1a7e",
        "runs": runs,
        "ladder": [{"step": rung[0], "stage": rung[1]} for rung in LADDER],
        "stack": {"stack": "escalon-replay", "functions": 9, "region": "us-east-1"},
        "elapsed_seconds": 141.3,
    }
    (out / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return out


def _account(
    books: _Books,
    out: Path,
    random: Random,
    number: int,
    receivables_each: int,
    from_on: date,
    to_on: date,
    looks: dict[date, dict[str, int]],
) -> None:
    account_id = f"CO-{1001 + number}"
    currency = "USD" if number % 9 == 4 else "COP"
    name = f"{random.choice(FIRST)} {random.choice(LAST)} {random.choice(LAST)}"
    if number % 5 == 3:
        name = f"{random.choice(FIRMS)} {random.choice(['S.A.S.', 'Ltda.'])}"
    hostile = number == 1
    if hostile:
        account_id, name = f"x&{HOSTILE}", HOSTILE
    creditor = "Andina Energía S.A. E.S.P."
    span = (to_on - from_on).days
    owed: dict[str, tuple[date, int]] = {}
    payments: list[tuple[date, str, int]] = []
    for place in range(1 + random.randrange(receivables_each * 2 - 1)):
        receivable_id = f"FV-{number:03d}-{place}"
        due_on = from_on + timedelta(days=random.randrange(-130, span + 25))
        issued_on = due_on - timedelta(days=30)
        amount = random.randrange(450, 26_000) * 10_000
        if currency == "USD":
            amount = random.randrange(4_000, 160_000)
        owed[receivable_id] = (due_on, amount)
        paid_on = due_on + timedelta(days=max(-10, int(random.gauss(26, 34))))
        part = amount if random.random() < 0.8 else amount // 400 * 100
        if random.random() < 0.93 and paid_on >= issued_on:
            payments.append((paid_on, receivable_id, part))
        settled = paid_on if payments and payments[-1][1:] == (receivable_id, amount) else None
        books.add(
            "receivables",
            receivable_id=receivable_id,
            account_id=account_id,
            account_name=name,
            creditor=creditor,
            issued_on=issued_on.isoformat(),
            due_on=due_on.isoformat(),
            currency=currency,
            amount_minor=amount,
            settled_on=settled.isoformat() if settled and settled <= to_on else None,
            dispute=HOSTILE if hostile else None,
        )
        if issued_on <= to_on:
            _book(books, account_id, receivable_id, "charge", amount, currency, issued_on, "import")
    for paid_on, receivable_id, amount in payments:
        if paid_on <= to_on:
            _book(
                books, account_id, receivable_id, "payment", -amount, currency, paid_on, "bank-file"
            )
    if number % 10 == 6:
        day = from_on + timedelta(days=span // 2)
        credit = -30_000_000 if currency == "COP" else -12_500
        _book(books, account_id, None, "payment", credit, currency, day, "unmatched")

    rung, carried = 0, ""
    for offset in range(span + 1):
        day = from_on + timedelta(days=offset)
        opened = {
            one: amount - sum(p for on, to, p in payments if to == one and on <= day)
            for one, (due_on, amount) in owed.items()
            if due_on - timedelta(days=30) <= day
        }
        opened = {one: minor for one, minor in opened.items() if minor > 0}
        if not opened:
            rung, carried = 0, ""
            continue
        oldest = min(opened, key=lambda one: owed[one][0])
        late = (day - owed[oldest][0]).days
        if carried != oldest:
            # A newer debt starts at the rung of its own age.
            passed = [n for n, (_, _, after, _, _) in enumerate(LADDER) if late > after + 6]
            rung, carried = (passed[-1] + 1 if passed else 0), oldest
        if rung >= len(LADDER) or late < LADDER[rung][2]:
            if day.weekday() == 0:
                _decide(books, account_id, day, "wait", LADDER[min(rung, 7)], "not_due_yet", looks)
            continue
        if number % 8 == 5 and 20 <= late < 44:
            _decide(books, account_id, day, "hold", LADDER[rung], "disputed", looks)
            continue
        step = LADDER[rung]
        if day.weekday() == 6 or day in HOLIDAYS:
            _refuse(books, account_id, day, step, hostile)
            _decide(books, account_id, day, "wait", step, "contact_policy", looks)
            continue
        _decide(books, account_id, day, "act", step, "step_due", looks)
        if step[3].startswith("task:"):
            _open_task(books, account_id, day, step)
        else:
            items = [
                {
                    "receivable_id": one,
                    "open_minor": minor,
                    "currency": currency,
                    "due_on": owed[one][0].isoformat(),
                    "days_past_due": (day - owed[one][0]).days,
                }
                for one, minor in sorted(opened.items(), key=lambda pair: owed[pair[0]][0])
            ]
            _send(books, out, random, account_id, name, creditor, day, step, items, hostile)
        rung += 1


def _book(
    books: _Books,
    account_id: str,
    receivable_id: str | None,
    kind: str,
    amount_minor: int,
    currency: str,
    day: date,
    cause: str,
) -> None:
    books.add(
        "ledger",
        entry_id=f"e{len(books.files.get('ledger', [])):06d}",
        receivable_id=receivable_id,
        account_id=account_id,
        kind=kind,
        amount_minor=amount_minor,
        currency=currency,
        booked_at=datetime.combine(day, time(12), BOGOTA).isoformat(),
        cause=cause,
    )


def _decide(
    books: _Books,
    account_id: str,
    day: date,
    decision: str,
    step: tuple[str, str, int, str, str],
    code: str,
    looks: dict[date, dict[str, int]],
) -> None:
    counts = looks.setdefault(day, {})
    counts[decision] = counts.get(decision, 0) + 1
    texts = {
        "not_due_yet": f"el escalón {step[0]} todavía no ha llegado",
        "disputed": "la obligación que lleva el cobro está en reclamación",
        "contact_policy": "la política de contacto abre el siguiente día hábil a las 07:00",
        "step_due": f"el escalón {step[0]} se cumple hoy",
    }
    books.add(
        "decisions",
        account_id=account_id,
        as_of=datetime.combine(day, time(9), BOGOTA).isoformat(),
        decision=decision,
        step=step[0],
        stage=step[1],
        next_look_at=datetime.combine(day + timedelta(days=1), time(7), BOGOTA).isoformat(),
        reasons=[{"code": code, "text": texts[code]}],
        rulebook_version="rb-3f9c1a7e",
        run_id=f"run-{day.isoformat()}T09:00",
    )


def _refuse(
    books: _Books,
    account_id: str,
    day: date,
    step: tuple[str, str, int, str, str],
    hostile: bool,
) -> None:
    holiday = day in HOLIDAYS
    books.add(
        "refusals",
        account_id=account_id,
        at=datetime.combine(day, time(9), BOGOTA).isoformat(),
        channel="" if step[3].startswith("task:") else step[3],
        step=step[0],
        rule="co.holidays" if holiday else "co.windows",
        code="holiday" if holiday else "window_closed",
        source=HOSTILE if hostile else "Ley 2300 de 2023, art. 3",
        reason="es festivo" if holiday else "los domingos no se contacta a nadie",
        next_allowed_at=datetime.combine(day + timedelta(days=1), time(7), BOGOTA).isoformat(),
    )


def _open_task(
    books: _Books, account_id: str, day: date, step: tuple[str, str, int, str, str]
) -> None:
    books.add(
        "tasks",
        task_id=f"t{len(books.files.get('tasks', [])):05d}",
        account_id=account_id,
        kind=step[3].removeprefix("task:"),
        step=step[0],
        stage=step[1],
        opened_at=datetime.combine(day, time(9, 1), BOGOTA).isoformat(),
        due_at=datetime.combine(day + timedelta(days=2), time(17), BOGOTA).isoformat(),
        script="Salude, confirme con quién habla y ofrezca alternativas de pago.",
        reason=f"el escalón {step[0]} se cumple hoy",
    )


def _send(
    books: _Books,
    out: Path,
    random: Random,
    account_id: str,
    name: str,
    creditor: str,
    day: date,
    step: tuple[str, str, int, str, str],
    items: list[dict[str, Any]],
    hostile: bool,
) -> None:
    message_id = f"m{len(books.files.get('messages', [])):05d}"
    email = step[3] == "email"
    lines = [f"{item['receivable_id']} · vence el {item['due_on']}" for item in items]
    text = (
        f"Hola, {name}. Le escribimos de {creditor} sobre su cuenta:\n\n"
        + "\n".join(lines)
        + "\n\nPuede pagar en línea o responder a este correo. Si ya pagó, muchas gracias."
        if email
        else f"{creditor}: hola. Tiene un documento con fecha {items[0]['due_on']}. "
        "Consulte y pague en https://pagos.example.com/a/7Kq2 · Salir: responda NO"
    )
    # Every third e-mail has no rendered page: then the page shows its text.
    page = f"emails/{message_id}.html" if email and int(message_id[1:]) % 3 else None
    if page:
        _write_email(out / page, name, creditor, lines, step, hostile)
    books.add(
        "messages",
        message_id=message_id,
        account_id=account_id,
        account_name=name,
        creditor=creditor,
        channel=step[3],
        to="ana@example.com" if email else "+57 300 555 0199",
        step=step[0],
        stage=step[1],
        sent_at=datetime.combine(day, time(9, 0, random.randrange(5, 59)), BOGOTA).isoformat(),
        receivables=items,
        subject=(HOSTILE if hostile else step[4]) if email else None,
        text=HOSTILE + text if hostile else text,
        rulebook_version="rb-3f9c1a7e",
        provider_message_id=f"0100019{message_id}",
        state="unknown" if message_id == "m00007" else "sent",
        # An address that must never become one.
        html="javascript:window.hacked=1" if hostile and not page else page,
    )


def _write_email(
    path: Path,
    name: str,
    creditor: str,
    lines: list[str],
    step: tuple[str, str, int, str, str],
    hostile: bool,
) -> None:
    rows = "".join(
        f"<tr><td style='padding:10px 0;border-bottom:1px solid #e6e2d8'>{html.escape(line)}"
        "</td></tr>"
        for line in lines
    )
    path.write_text(
        "<!doctype html><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        "<body style='margin:0;background:#f4f1ea;font:16px/1.55 Helvetica,Arial,sans-serif;"
        "color:#26231e'><div style='max-width:560px;margin:0 auto;background:#fff;padding:32px'>"
        f"<p style='font-size:13px;color:#6b665b'>{html.escape(creditor)}</p>"
        f"<h1 style='font-size:24px;line-height:1.25'>{html.escape(step[4])}</h1>"
        f"<p>Hola, {html.escape(name)}:</p><p>Este es el resumen de su cuenta.</p>"
        f"<table style='width:100%;border-collapse:collapse'>{rows}</table>"
        "<p><a href='https://pagos.example.com' style='display:inline-block;background:#14534b;"
        "color:#fff;padding:13px 22px;border-radius:6px;text-decoration:none'>Ver y pagar</a></p>"
        "<p style='font-size:13px;color:#6b665b'>Si ya pagó, muchas gracias. Para dejar de recibir "
        "estos correos, responda a este mensaje.</p></div></body>"
        # A script in an e-mail must not run in its frame.
        + ("<script>parent.hacked=1;top.hacked=1</script>" if hostile else ""),
        encoding="utf-8",
    )


if __name__ == "__main__":
    import sys

    fabricate(
        Path(sys.argv[1]),
        accounts=int(sys.argv[2]) if len(sys.argv) > 2 else 12,
        receivables_each=int(sys.argv[3]) if len(sys.argv) > 3 else 3,
    )
