"""The rules of the code's shape, read from its source: an arrow that runs back fails here."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LAYER = PROJECT / "layers" / "escalon" / "escalon"
CLI = PROJECT / "cli" / "escalon_cli"
FUNCTIONS = PROJECT / "functions"
TESTS = PROJECT / "tests"

# What each part of the layer may import of ours when it runs. Types alone may come from anywhere
# (`if TYPE_CHECKING`): they are gone when the code runs.
MAY_IMPORT = {
    "domain": {"domain"},
    "messages": {"messages", "domain"},
    "pages": {"pages", "messages", "domain"},
    "papers": {"papers", "messages", "domain"},
    "importing": {"importing", "domain", "authoring.yaml_lines"},
    "authoring": {"authoring", "domain", "messages"},
    "providers": {"providers", "domain"},
    "carriers": {"carriers", "domain"},
    "usecases": {
        *("usecases", "domain", "messages", "importing", "providers", "carriers"),
        *("pages", "papers", "authoring.yaml_lines", "failures"),
    },
    "adapters": {"adapters", "domain", "failures"},
    "routes": {"routes", "usecases"},
    "settings": set[str](),
    "failures": set[str](),
    "operators": {"failures", "usecases.forms"},
}

PURE = (
    *("domain", "messages", "pages", "papers", "importing", "providers", "carriers", "usecases"),
)
MONEY = (
    *("money", "account", "agreements/agreed", "agreements/agreement", "agreements/offers"),
    *("agreements/follow_up", "payments/ledger", "payments/payment", "payments/interest"),
    *("payments/fees", "payments/statement", "rules/conditions", "rules/behaviour"),
    *("rules/risk", "rules/credit"),
)


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def part_of(path: Path) -> str:
    """`domain/money.py` belongs to `domain`, `settings.py` to `settings`."""
    return path.relative_to(LAYER).parts[0].removesuffix(".py")


def imports(tree: ast.AST, *, types_too: bool) -> Iterator[tuple[int, str]]:
    """Every module that is imported, anywhere in the file, with its line."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and not types_too and _is_type_checking(node.test):
            for branch in node.orelse:
                yield from imports(branch, types_too=types_too)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        else:
            yield from imports(node, types_too=types_too)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def is_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def where(path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(PROJECT)}:{line} {what}"


def test_imports_of_the_layer_run_one_way() -> None:
    wrong = []
    for path in modules(LAYER):
        part = part_of(path)
        if part in ("bootstrap", "__init__"):
            continue
        allowed = MAY_IMPORT[part]
        for line, name in imports(tree_of(path), types_too=False):
            if is_of(name, "escalon") and not any(
                is_of(name, f"escalon.{target}") for target in allowed
            ):
                wrong.append(where(path, line, name))
    assert wrong == []


def test_the_domain_knows_only_itself_even_in_its_types() -> None:
    wrong = [
        where(path, line, name)
        for path in modules(LAYER / "domain")
        for line, name in imports(tree_of(path), types_too=True)
        if is_of(name, "escalon") and not is_of(name, "escalon.domain")
    ]
    assert wrong == []


def test_the_domain_needs_no_framework() -> None:
    heavy = ("jinja2", "babel", "pydantic", "boto3", "botocore", "aws_lambda_powertools", "yaml")
    wrong = [
        where(path, line, name)
        for path in modules(LAYER / "domain")
        for line, name in imports(tree_of(path), types_too=True)
        if any(is_of(name, package) for package in heavy)
    ]
    assert wrong == []


def test_nothing_in_the_layer_knows_the_command_line_or_a_function() -> None:
    wrong = [
        where(path, line, name)
        for path in modules(LAYER)
        for line, name in imports(tree_of(path), types_too=True)
        if any(is_of(name, package) for package in ("escalon_cli", "functions", "app", "tests"))
    ]
    assert wrong == []


def test_functions_know_the_bootstrap_and_the_use_cases_messages_only() -> None:
    allowed = (
        *("escalon.bootstrap", "escalon.failures", "escalon.operators", "escalon.routes"),
        *("escalon.usecases.messages_between", "escalon.usecases.runs.sweep.scheduled_time"),
    )
    wrong = [
        where(path, line, name)
        for path in modules(FUNCTIONS)
        for line, name in imports(tree_of(path), types_too=True)
        if is_of(name, "escalon") and not any(is_of(name, module) for module in allowed)
    ]
    assert wrong == []


def test_only_adapters_bootstrap_and_command_line_know_boto() -> None:
    wrong = [
        where(path, line, name)
        for path in (*modules(LAYER), *modules(FUNCTIONS))
        for line, name in imports(tree_of(path), types_too=False)
        if (is_of(name, "boto3") or is_of(name, "botocore"))
        and not path.is_relative_to(LAYER / "adapters")
        and path != LAYER / "bootstrap.py"
    ]
    assert wrong == []


def test_only_settings_and_bootstrap_read_the_environment() -> None:
    wrong = [
        where(path, node.lineno, "os.environ")
        for path in (*modules(LAYER), *modules(FUNCTIONS))
        if path.name not in ("settings.py", "bootstrap.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute | ast.Name)
        and getattr(node, "attr", getattr(node, "id", "")) in ("environ", "getenv", "environb")
    ]
    assert wrong == []


def test_only_the_clock_adapter_and_bootstrap_know_the_time_of_day() -> None:
    """The clock is a value: a decision taken twice must be the same decision (invariant 6)."""
    clocks = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("time", "time"),
        ("time", "time_ns"),
        ("time", "localtime"),
        ("time", "gmtime"),
    }
    wrong = [
        where(path, node.lineno, f"{node.value.id}.{node.attr}")
        for part in (*PURE, "authoring")
        for path in modules(LAYER / part)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in clocks
    ]
    assert wrong == []


def test_deciding_draws_no_lots() -> None:
    wrong = [
        where(path, line, name)
        for part in PURE
        for path in modules(LAYER / part)
        for line, name in imports(tree_of(path), types_too=True)
        if any(is_of(name, package) for package in ("random", "secrets", "uuid", "socket"))
    ]
    assert wrong == []


def test_money_is_never_a_float() -> None:
    wrong = []
    for path in (LAYER / "domain" / f"{name}.py" for name in MONEY):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                wrong.append(where(path, node.lineno, f"the literal {node.value}"))
            if isinstance(node, ast.Name) and node.id == "float":
                wrong.append(where(path, node.lineno, "float"))
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                wrong.append(where(path, node.lineno, "a division that makes a float"))
    assert wrong == []


def test_tests_replace_nothing_of_ours_by_mocks() -> None:
    wrong = [
        where(path, line, name)
        for path in modules(TESTS)
        for line, name in imports(tree_of(path), types_too=True)
        if is_of(name, "unittest.mock") or is_of(name, "mock") or is_of(name, "pytest_mock")
    ]
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PROJECT))
        for folder in (LAYER, FUNCTIONS, CLI, TESTS, PROJECT / "bench", PROJECT / "samples")
        for path in modules(folder)
        if not ast.get_docstring(tree_of(path))
    ]
    assert silent == []


def test_a_handler_fits_a_screen() -> None:
    lines = {
        str(path.relative_to(PROJECT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(FUNCTIONS)
    }
    assert len(lines) >= 5
    assert {path: count for path, count in lines.items() if count > 80} == {}


def test_a_handler_holds_no_rule_about_money() -> None:
    wrong = [
        where(path, number, line.strip())
        for path in modules(FUNCTIONS)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(word in line for word in ("amount", "_minor", "currency", "due_on", "Decimal"))
    ]
    assert wrong == []


HEAVY = ("jinja2", "babel", "pydantic", "yaml", "openpyxl", "phonenumbers", "reportlab")


@pytest.mark.parametrize(
    ("function", "use_case", "unwanted"),
    [
        ("escalate", "runs.escalate", HEAVY),
        ("sweep", "runs.sweep", HEAVY),
        ("record_history", "record_history", HEAVY),
        ("delivery_feedback", "contact.record_feedback", HEAVY),
        (
            "deliver",
            "contact.deliver",
            HEAVY,
        ),  # tasks; the couriers bring the rest
        (
            "deliver",
            "contact.couriers",
            ("pydantic", "yaml", "openpyxl", "phonenumbers"),
        ),
        ("portal", "payments.payment_link", HEAVY),  # the first page brings Jinja2
        ("payments", "operators.answer_payments", HEAVY),
        ("payment_webhook", "payments.receive_webhook", HEAVY),
        ("confirm_payment", "payments.confirm_payment", HEAVY),
        (
            "send_receipt",
            "payments.send_receipt",
            ("pydantic", "yaml", "openpyxl"),
        ),
        (
            "keep_document",
            "agreements.keep_document",
            HEAVY,
        ),  # the first PDF brings the rest
        ("verify_document", "agreements.verify_document", HEAVY),
        (
            "agreements",
            "operators.answer_agreements",
            ("yaml", "openpyxl", "reportlab"),
        ),
    ],
)
def test_a_cold_start_imports_no_more_than_it_needs(
    function: str, use_case: str, unwanted: tuple[str, ...]
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(FUNCTIONS / function)!r}); "
        f"import app, escalon.usecases.{use_case}; "
        f"print([name for name in {unwanted!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
