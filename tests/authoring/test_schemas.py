"""The JSON Schemas of the operators' files: committed as generated, and fit for what is shipped."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from escalon.authoring.schemas import FILES, MEANINGS, schemas, text_of
from escalon.authoring.yaml_lines import Document, read

ROOT = Path(__file__).parents[2]
SCHEMAS = schemas()
SHIPPED = {
    "escalation": ["config/escalation.yaml", "samples/ibm/rulebook/escalation.yaml"],
    "creditors": ["config/creditors.yaml", "samples/ibm/rulebook/creditors.yaml"],
    "payments": ["config/payments.yaml"],
    "channels": ["config/channels.yaml"],
    "rates": sorted(str(p) for p in (ROOT / "config/rates").glob("*.yaml")),
    "contact_policy": sorted(str(p) for p in (ROOT / "config/contact_policies").glob("*.yaml")),
    "calendar": ["config/calendars/CO.yaml", "config/calendars/US.yaml"],
}
TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "null": type(None), "boolean": bool,
    "integer": int, "number": (int, Decimal),
}  # fmt: skip


def wrong(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """Where a value breaks a schema, for the words that these schemas use."""
    if "$ref" in schema:
        found = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return wrong(value, {**found, **{k: v for k, v in schema.items() if k != "$ref"}}, root, at)
    told: list[str] = []
    kinds = schema.get("type")
    if kinds is not None:
        names = kinds if isinstance(kinds, list) else [kinds]
        fits = any(isinstance(value, TYPES[name]) for name in names)
        if not fits or (isinstance(value, bool) and "boolean" not in names):
            return [f"{at}: {value!r} is not {kinds}"]
    for word, fewest in (("anyOf", 1), ("oneOf", 1)):
        if word in schema:
            count = sum(1 for each in schema[word] if not wrong(value, each, root, at))
            if count < fewest or (word == "oneOf" and count > 1):
                told.append(f"{at}: {count} of {word}")
    if "enum" in schema and value not in schema["enum"]:
        told.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        told.append(f"{at}: {value!r} is not {schema['const']!r}")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            told.append(f"{at}: {value!r} does not match")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**6):
            told.append(f"{at}: length of {value!r}")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        least, most = schema.get("minimum", value), schema.get("maximum", value)
        if not least <= value <= most:
            told.append(f"{at}: {value} is out of bounds")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            told.append(f"{at}: too few")
        for number, each in enumerate(value):
            told += wrong(each, schema.get("items", {}), root, f"{at}[{number}]")
    if isinstance(value, dict):
        told += [f"{at}: lacks {key}" for key in schema.get("required", ()) if key not in value]
        if len(value) < schema.get("minProperties", 0):
            told.append(f"{at}: too few")
        more = schema.get("additionalProperties", True)
        for key, each in value.items():
            told += wrong(key, schema.get("propertyNames", {}), root, f"{at}.{key}")
            below = schema.get("properties", {}).get(key)
            for pattern, known in schema.get("patternProperties", {}).items():
                below = known if below is None and re.search(pattern, str(key)) else below
            if below is None and more is False:
                told.append(f"{at}: unknown key {key}")
            elif below is not None or isinstance(more, dict):
                told += wrong(each, below if below is not None else more, root, f"{at}.{key}")
    return told


def data(text: str) -> Any:
    document = read(text, "file.yaml")
    assert isinstance(document, Document), document
    return document.data


def judged(name: str, text: str) -> list[str]:
    schema = SCHEMAS[f"{name}.schema.json"]
    return wrong(data(text), schema, schema)


@pytest.mark.parametrize("name", FILES)
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    """If not: `escalon rules schemas`."""
    file = f"{name}.schema.json"
    assert (ROOT / "schemas" / file).read_text(encoding="utf-8") == text_of(SCHEMAS[file])


def test_nothing_else_is_committed_there() -> None:
    assert {path.name for path in (ROOT / "schemas").iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name, files in SHIPPED.items() for file in files]
)
def test_the_shipped_files_fit(name: str, file: str) -> None:
    assert judged(name, (ROOT / file).read_text(encoding="utf-8")) == []


ESCALATION = (ROOT / "config/escalation.yaml").read_text(encoding="utf-8")
CREDITORS = (ROOT / "config/creditors.yaml").read_text(encoding="utf-8")
PAYMENTS = (ROOT / "config/payments.yaml").read_text(encoding="utf-8")
HOUSE = (ROOT / "config/contact_policies/house.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "old", "new", "says"),
    [
        ("escalation", ESCALATION, "when: 20 days after due", "when: 20 days", "'20 days'"),
        ("escalation", ESCALATION, "when: 20 days after due", "when: -20", "-20 is not string"),
        ("escalation", ESCALATION, "stage: negotiation", "stage: talks", "'talks' is none of"),
        ("escalation", ESCALATION, "say: offer", "says: offer", "unknown key says"),
        ("escalation", ESCALATION, "        say: offer\n", "", "0 of oneOf"),
        ("escalation", ESCALATION, "{COP: 20_000,", "{cop: 20_000,", "'cop' does not match"),
        ("escalation", ESCALATION, "then: hand to key-accounts", "then: give up", "'give up'"),
        ("escalation", ESCALATION, "oldest_debt: 5 years", "oldest_debt: 5", "5 is not string"),
        ("creditors", CREDITORS, "country: CO", "country: Colombia", "'Colombia' does not match"),
        ("payments", PAYMENTS, "receipts: yes", "receipts: true", "none of ['yes', 'no']"),
        ("payments", PAYMENTS, "awaited: 24 hours", "awaited: a day", "'a day' does not match"),
        (
            "contact_policy", HOUSE, "mon-fri: 08:00 to 18:00", "mon-fri: 8 to 18", "0 of anyOf",
        ),
        ("contact_policy", HOUSE, "level: house", "level: mine", "'mine' is none of"),
    ],
)  # fmt: skip
def test_what_the_check_refuses_is_underlined(
    name: str, text: str, old: str, new: str, says: str
) -> None:
    """L17, L24: in the editor already, not only when it is checked."""
    assert old in text
    told = judged(name, text.replace(old, new))
    assert told != []
    assert any(says in line for line in told), told


def test_amounts_may_be_grouped() -> None:
    """Editors read YAML 1.2, where 20_000 is text."""
    schema = SCHEMAS["escalation.schema.json"]
    amounts = schema["$defs"]["ChaseFile"]["properties"]["from"]
    assert wrong({"COP": "20_000", "USD": "10.50"}, amounts, schema) == []
    assert wrong({"COP": "20,000"}, amounts, schema) != []


@pytest.mark.parametrize("part", MEANINGS)
def test_each_key_has_its_meaning(part: str) -> None:
    root = SCHEMAS["escalation.schema.json"]
    properties = (
        root["properties"] if part == "EscalationFile" else root["$defs"][part]["properties"]
    )
    assert {key for key, value in properties.items() if "description" not in value} <= {"chase"}
