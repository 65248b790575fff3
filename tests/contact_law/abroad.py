"""The sample portfolio moved to another country and replayed on a deployed stack under its law.

    python -m tests.contact_law.abroad MX 2026-09-30 out/mx
    python -m tests.contact_law.judge out/mx

The country (CO: the portfolio as it is), the last day of the replay, which begins on 1 September
2026, and the folder that is written. Debtors are spread over places of the country; payments,
promises and plans come as in `make run`. Two sweeps a day, so that some hour is open everywhere.
"""

import re
import shutil
import sys
from datetime import date, time
from pathlib import Path

from escalon_cli import doctor
from escalon_cli.deployed import of_local
from escalon_cli.local.stack import PROJECT, down, up
from escalon_cli.main import REPLAY
from escalon_cli.replay import output
from escalon_cli.replay.play import Plan, play

FIRST_DAY = date(2026, 9, 1)
SWEEPS = (time(9), time(15))  # in Bogotá
# Zone and region of whoever has a cédula, a foreigner's cédula and a NIT.
PLACES = {
    "BR": (("America/Sao_Paulo", "SP"), ("America/Manaus", "AM"), ("America/Recife", "PE")),
    "CL": (("America/Santiago", "RM"), ("America/Punta_Arenas", "MA"), ("Pacific/Easter", "VS")),
    "CO": (("America/Bogota", "DC"),) * 3,
    "ES": (("Europe/Madrid", "MD"), ("Atlantic/Canary", "CN"), ("Europe/Madrid", "CT")),
    "GB": (("Europe/London", "ENG"), ("Europe/London", "SCT"), ("Europe/London", "NIR")),
    "MX": (("America/Mexico_City", "CMX"), ("America/Tijuana", "BCN"), ("America/Cancun", "ROO")),
    "PE": (("America/Lima", "LMA"),) * 3,
    "US": (("America/New_York", "NY"), ("America/Los_Angeles", "CA"), ("Pacific/Honolulu", "HI")),
}
_DOCUMENTS = ("CC", "CE", "NIT")


def _changed(text: str, was: str, becomes: str) -> str:
    assert text.count(was) == 1, was
    return text.replace(was, becomes)


def mapping_for(country: str) -> str:
    """samples/mapping.yaml with every debtor in that country. In the United States the consents are
    fresh, since they have to be confirmed within sixty days."""
    text = (PROJECT / "samples/mapping.yaml").read_text(encoding="utf-8")
    if country == "CO":
        return text

    def by_document(values: list[str]) -> str:
        means = ", ".join(f"{d}: {v}" for d, v in zip(_DOCUMENTS, values, strict=True))
        return f"\n    column: TipoDoc\n    means: {{{means}}}"

    zones, regions = (list(each) for each in zip(*PLACES[country], strict=True))
    text = _changed(text, "country: always CO", f"country: always {country}")
    text = _changed(text, ' "{Ciudad}, {Departamento}"', by_document(regions))
    text = _changed(text, " always America/Bogota", by_document(zones))
    if country == "US":
        text = text.replace("granted_on: FechaAutorizacion", "granted_on: always 2026-08-20")
    return text


def rulebook_for(country: str, folder: Path) -> Path:
    """config/ as it is; in the United States every message gives the notice without which nothing
    more may be asked for."""
    config = PROJECT / "config"
    if country != "US":
        return config
    shutil.copytree(config, folder / "config", dirs_exist_ok=True)
    ladders = folder / "config" / "escalation.yaml"
    text = ladders.read_text(encoding="utf-8")
    gives = re.sub(r"(?m)^( +)say: .*$", r"\g<0>\n\1gives: [validation_notice]", text)
    ladders.write_text(gives, encoding="utf-8")
    return folder / "config"


def replayed(country: str, last_day: date, out: Path) -> int:
    """Play it, write what happened into `out`, and say how many messages there were."""
    out.mkdir(parents=True, exist_ok=True)
    samples = PROJECT / "samples"
    mapping = out / "mapping.yaml"
    mapping.write_text(mapping_for(country), encoding="utf-8")
    plan = Plan(
        samples / "portfolio.csv",
        mapping,
        rulebook_for(country, out),
        FIRST_DAY,
        last_day,
        SWEEPS,
        ((samples / "payments.csv", samples / "payments_mapping.yaml"),),
        agreements=samples / "agreements.csv",
    )
    plan.check()
    name = f"law-{country.lower()}"
    deployed = of_local(up(name, parameters=REPLAY, fresh=True))
    try:
        doctor.fix(deployed)  # carriers tell of SMS too
        played = play(deployed, plan, lambda *_: None)
        return int(output.write(deployed, plan, played, out)["messages"])
    finally:
        down(name)


if __name__ == "__main__":
    where, until, to = sys.argv[1:]
    print(replayed(where, date.fromisoformat(until), Path(to)), "messages")
