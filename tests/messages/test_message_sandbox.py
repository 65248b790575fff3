"""Templates are operators' input, names are imported: neither reaches further than its words."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalon.domain.rules.rulebook import Creditor
from escalon.messages import render
from escalon.messages.brand import brand, contrast
from escalon.messages.context import MessageContext
from escalon.messages.errors import MessageError
from escalon.messages.plain import one_line, paragraphs, wrap
from escalon.messages.render import render_email, render_sms

type Sources = dict[str, str]
type Make = Callable[..., MessageContext]

MESSAGE = """\
{# a test #}
{% block subject %}Hola{% endblock %}
{% block preheader %}Hola{% endblock %}
{% block opening %}
HERE
{% endblock %}
{% block closing %}Adiós{% endblock %}
{% block sms %}HERE{% endblock %}
"""


@pytest.fixture
def sources(shipped: dict[str, Sources]) -> Sources:
    return dict(shipped["es-CO"])


def with_opening(sources: Sources, opening: str) -> Sources:
    return {**sources, "test": MESSAGE.replace("HERE", opening)}


def fails(sources: Sources, made: MessageContext, template: str = "test") -> MessageError:
    with pytest.raises(MessageError) as raised:
        render_email(sources, template, made)
    return raised.value


# ------------------------------------------------------------------------------ strict and placed


@pytest.mark.parametrize(
    ("opening", "name", "line", "reason"),
    [
        ("Hola {{ deptor_name }}", "deptor_name", 5, "'deptor_name' is not known"),
        ("a\n\n{{ creditor.nmae }}", "nmae", 7, "'nmae' is not known in Creditor"),
        ("{{ oldest.documnt }}", "documnt", 5, "'documnt' is not known in StatementLine"),
        ("{% if unknown %}a{% endif %}", "unknown", 5, "'unknown' is not known"),
        ("{{ unknown|money }}", "unknown", 5, "'unknown' is not known"),
        ("{{ unknown|upper }}", "unknown", 5, "'unknown' is not known"),
        ("{% for x in unknown %}{% endfor %}", "unknown", 5, "'unknown' is not known"),
        ("{{ unknown == 1 }}", "unknown", 5, "'unknown' is not known"),
        ("{{ 'a' ~ unknown }}", "unknown", 5, "'unknown' is not known"),
        ('{{ say("unknown") }}', "unknown", 5, "_words has no phrase 'unknown'"),
    ],
)
def test_an_unknown_name_is_an_error_that_names_it_and_its_line(
    sources: Sources, context: Make, opening: str, name: str, line: int, reason: str
) -> None:
    error = fails(with_opening(sources, opening), context())
    assert (error.name, error.line, error.reason) == (name, line, reason)
    assert str(error) == f"es-CO/test:{line}: {reason}"


@pytest.mark.parametrize(
    ("opening", "line", "reason"),
    [
        ("{{ a", 6, "expected token 'end of print statement'"),
        ("a\n{% if %}", 6, "Expected an expression"),
        ("{{ 'a'|nofilter }}", 5, "No filter named 'nofilter'"),
        ("{{ 'a'|safe }}", 5, "No filter named 'safe'"),
        ("{{ [1, 2]|random }}", 5, "No filter named 'random'"),
        ("{{ 1 // 0 }}", 5, "the template fails with ZeroDivisionError"),
        ("{{ debtor_name + 1 }}", 5, "the template fails with TypeError"),
        ("{% include 'nothing' %}", 5, "there is no template 'nothing'"),
        ("{{ oldest }}", 5, "a StatementLine cannot be printed"),
        ("{{ overdue }}", 5, "a tuple cannot be printed"),
        ("{{ credit }}", 5, "a tuple cannot be printed"),
        ("{{ next_due }}", 5, "a NoneType cannot be printed"),
        ("{{ is_company }}", 5, "a bool cannot be printed"),
        ("{{ 1 / 2 }}", 5, "a float cannot be printed"),
        ("{{ 12|money }}", 5, "a int cannot be printed"),
    ],
)
def test_a_mistake_names_template_locale_and_line(
    sources: Sources, context: Make, opening: str, line: int, reason: str
) -> None:
    error = fails(with_opening(sources, opening), context())
    assert (error.template, error.locale, error.line) == ("test", "es-CO", line)
    assert error.reason.startswith(reason)


def test_a_mistake_in_a_layout_is_placed_in_the_layout(sources: Sources, context: Make) -> None:
    sources["_layout.html"] = sources["_layout.html"].replace("{{ subject }}", "{{ sbject }}")
    line = 1 + sources["_layout.html"][: sources["_layout.html"].index("sbject")].count("\n")
    error = fails(sources, context(), "friendly")
    assert str(error) == f"es-CO/_layout.html:{line}: 'sbject' is not known"


@pytest.mark.parametrize("block", ["subject", "preheader", "opening", "closing", "sms"])
def test_a_missing_block_is_named(sources: Sources, context: Make, block: str) -> None:
    sources["test"] = MESSAGE.replace(f"block {block} %", "block other %")
    write = render_sms if block == "sms" else render_email
    with pytest.raises(MessageError, match=f"es-CO/test: the block '{block}' is missing"):
        write(sources, "test", context())


def test_a_missing_template_is_named(sources: Sources, context: Make) -> None:
    error = fails(sources, context(), "frendly")
    assert str(error) == "es-CO/frendly: there is no template 'frendly'"


def test_a_missing_file_of_phrases_or_a_layout_is_named(sources: Sources, context: Make) -> None:
    for name in ("_words", "_layout.txt", "_layout.html"):
        without = {key: source for key, source in sources.items() if key != name}
        assert fails(without, context(), "friendly").reason == f"there is no template '{name}'"


@pytest.mark.parametrize("block", ["subject", "sms"])
def test_an_empty_message_is_not_sent(sources: Sources, context: Make, block: str) -> None:
    sources["test"] = MESSAGE.replace("}Hola{", "} {", 1).replace("HERE", "")
    with pytest.raises(MessageError, match="is empty"):
        (render_sms if block == "sms" else render_email)(sources, "test", context())


def test_an_error_does_not_quote_the_debtor(sources: Sources, context: Make) -> None:
    for opening in (
        "{{ debtor_name|int(none) + debtor_name }}",
        "{{ debtor_name.nothing }}",
        "{{ {}[debtor_name] }}",
        "{% include debtor_name %}",
        "{{ say(debtor_name) }}",
        "{{ '%d' % debtor_name }}",
    ):
        error = fails(with_opening(sources, opening), context(debtor_name="Ñáñez"))
        assert "Ñáñez" not in str(error), opening
        assert error.__cause__ is None
        assert error.__suppress_context__


# --------------------------------------------------------------------------------- the sandbox


@pytest.mark.parametrize(
    "attempt",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ creditor.__class__.__init__.__globals__ }}",
        "{{ creditor.__struct_fields__ }}",
        "{{ say.__func__.__globals__ }}",
        "{{ say.__self__._environment }}",
        "{{ _reader.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ range.__class__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__ }}",
        "{{ ''.format.__globals__ }}",
        "{{ '{0.__class__.__mro__}'.format(creditor) }}",
        "{{ '{x.__class__}'.format_map({'x': creditor}) }}",
        "{{ ('{0.__class__}'|attr('format'))(creditor) }}",
        "{{ [creditor]|map(attribute='__class__')|list|first }}",
        "{{ [creditor]|map('attr', '__class__')|list|first }}",
        "{{ [].append(1) }}",
        "{{ creditor.pay_instructions.update({'es-CO': 'x'}) }}",
        "{{ creditor.pay_instructions.clear() }}",
        "{% for x in range(1000000) %}a{% endfor %}",
        "{% import 'os' as os %}{{ os.getcwd() }}",
        "{% include '/etc/passwd' %}",
        "{% include '../creditors.yaml' %}",
    ],
)
def test_a_template_cannot_leave_the_sandbox(sources: Sources, context: Make, attempt: str) -> None:
    made = context()
    before = dict(made.creditor.pay_instructions)
    fails(with_opening(sources, attempt), made)
    assert made.creditor.pay_instructions == before


# -------------------------------------------------------------------------- data is never markup

HOSTILE = "<script>alert(1)</script><img src=x onerror=y>&amp;\"'><a href=javascript:z>"


def test_a_name_from_an_export_is_text_in_the_html(sources: Sources, context: Make) -> None:
    line = context().overdue[0]
    hostile = msgspec.structs.replace(line, document=HOSTILE)
    email = render_email(sources, "friendly", context(debtor_name=HOSTILE, overdue=(hostile,)))
    for tag in ("<script", "<img", "<a href=javascript"):
        assert tag not in email.html
    assert email.html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    assert HOSTILE in " ".join(email.text.split())


def test_a_document_from_an_export_is_one_visible_line(sources: Sources, context: Make) -> None:
    line = msgspec.structs.replace(context().overdue[0], document="FV\u202e-1\n\n- $ 5\x00")
    email = render_email(sources, "friendly", context(overdue=(line,)))
    assert "\n- FV-1 - $ 5 · $ 1.234.567\n" in email.text
    assert ">FV-1 - $ 5<" in email.html


def test_a_document_without_a_name_is_called_by_its_id(sources: Sources, context: Make) -> None:
    line = msgspec.structs.replace(context().overdue[0], document=" \u200b")
    assert "\n- r-1 · " in render_email(sources, "friendly", context(overdue=(line,))).text


@pytest.mark.parametrize(
    "opening",
    [
        "{% autoescape false %}{{ debtor_name }}{% endautoescape %}",
        "{{ debtor_name|safe }}",
        "{% set x %}{{ debtor_name }}{% endset %}{{ x }}",
        "{% macro m() %}{{ debtor_name }}{% endmacro %}{{ m() }}",
        "{{ debtor_name|xmlattr }}",
        "{% filter upper %}{{ debtor_name }}{% endfilter %}",
        "- {{ debtor_name }}\n- {{ debtor_name }}",
        "{{ debtor_name|replace('x', 'y') }}",
    ],
)
@pytest.mark.parametrize("where", ["message", "layout"])
def test_escaping_cannot_be_lost(sources: Sources, context: Make, opening: str, where: str) -> None:
    changed = with_opening(sources, opening if where == "message" else "Hola")
    if where == "layout":
        changed["_layout.html"] = changed["_layout.html"].replace("<body", f"{opening}<body")
    try:
        email = render_email(changed, "test", context(debtor_name="<b>x</b>"))
    except MessageError:
        return
    assert "<b>" not in email.html.lower()
    assert "&lt;b&gt;" in email.html.lower()


@pytest.mark.parametrize(
    "statement",
    [
        "{% include '_plain' %}",
        "{% import '_plain' as p with context %}{{ p.hello() }}",
        "{% from '_plain' import hello with context %}{{ hello() }}",
    ],
)
def test_html_cannot_take_in_what_was_not_escaped(
    sources: Sources, context: Make, statement: str
) -> None:
    sources["_plain"] = "{{ debtor_name }}{% macro hello() %}{{ debtor_name }}{% endmacro %}"
    sources["_layout.html"] = statement + sources["_layout.html"]
    error = fails(sources, context(), "friendly")
    assert error.reason == "_layout.html may only use other .html templates, not _plain"
    assert error.template == "_layout.html"


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("pay_url", "javascript:alert(1)"),
        ("pay_url", "data:text/html,x"),
        ("preferences_url", "//evil.example"),
        ("unsubscribe_url", 'https://x.example/"onclick="y'),
        ("account_url", "https://x.example/a b"),
        ("offers_url", "https://x.example/a\nb"),
    ],
)
def test_a_link_is_a_web_address(sources: Sources, context: Make, field: str, url: str) -> None:
    error = fails(sources, context(**{field: url}), "friendly")
    assert error.reason == f"{field} is no web address; it begins with https://"


@pytest.mark.parametrize(
    "colour", ["red", "#fff", "#1f4e5f;x:url(//e)", "", "#1f4e5g", "#1f4e5f\n"]
)
def test_a_colour_is_a_colour(
    sources: Sources, context: Make, andina: Creditor, colour: str
) -> None:
    creditor = msgspec.structs.replace(andina, brand_colour=colour)
    assert "is no colour; write it like #1f4e5f" in str(
        fails(sources, context(creditor=creditor), "friendly")
    )


@pytest.mark.parametrize(
    ("colour", "ink", "text"),
    [
        ("#000000", "#ffffff", "#000000"),
        ("#1f4e5f", "#ffffff", "#1f4e5f"),
        ("#767676", "#ffffff", "#767676"),  # 4.54 to 1 on white
        ("#777777", "#000000", "#1d2733"),  # 4.48 to 1; slate on it has 3.38
        ("#7a9a8c", "#1d2733", "#1d2733"),
        ("#ffd400", "#1d2733", "#1d2733"),
        ("#ffffff", "#1d2733", "#1d2733"),
    ],
)
def test_words_can_be_read_on_every_brand_colour(colour: str, ink: str, text: str) -> None:
    made = brand(colour)
    assert (made.colour, made.ink, made.text) == (colour, ink, text)


@given(st.integers(0, 0xFFFFFF))
def test_the_words_on_any_colour_have_the_contrast_that_small_text_needs(number: int) -> None:
    made = brand(f"#{number:06x}")
    assert contrast(made.colour, made.ink) >= 4.5
    assert contrast(made.text, "#ffffff") >= 4.5


# ------------------------------------------------------------------------------------ plain text


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("María\r\nBcc: x@y.example", "María Bcc: x@y.example"),
        ("  a \t\n b\x00c\x1b[31m ", "a b c [31m"),
        ("a\u2028b\u2029c\x85d\x0be", "a b c d e"),
        ("a\u202eb\u200bc\ufeffd\u2066e", "abcde"),
        ("\ud800a", "a"),
        ("Ñandú & Cía. 😀", "Ñandú & Cía. 😀"),
        ("$\N{NO-BREAK SPACE}1", "$\N{NO-BREAK SPACE}1"),
        ("", ""),
    ],
)
def test_imported_text_is_one_visible_line(written: str, kept: str) -> None:
    assert one_line(written) == kept


@given(st.text())
def test_one_line_is_always_one_printable_line(text: str) -> None:
    made = one_line(text)
    assert made.replace("\N{NO-BREAK SPACE}", " ").isprintable()
    assert "  " not in made
    assert made == one_line(made)
    made.encode()


def test_paragraphs_are_split_at_empty_lines_and_lists_at_dashes() -> None:
    made = paragraphs("\n\nUno\ndos.\n \n\n- a\n  b\n- c - d\n\nTres -\ncuatro\n")
    assert [(p.text, p.items) for p in made] == [
        ("Uno dos.", ()),
        ("", ("a b", "c - d")),
        ("Tres - cuatro", ()),
    ]
    assert paragraphs(" \n\n ") == ()


def test_a_name_cannot_begin_a_paragraph_of_its_own(sources: Sources, context: Make) -> None:
    changed = with_opening(sources, "Hola {{ debtor_name }}, adiós.")
    email = render_email(changed, "test", context(debtor_name="A\n\n- Pague a otra cuenta\n\nB"))
    assert "\nHola A - Pague a otra cuenta B, adiós.\n" in email.text


def test_an_amount_and_an_address_are_not_wrapped() -> None:
    long = "https://pagos.example.com/" + "a-b" * 40
    assert long in wrap(f"Pague en {long} o llame").splitlines()
    amount = "$\N{NO-BREAK SPACE}1.234.567"
    assert amount in wrap("x" * 70 + f" {amount}").splitlines()[1]


@pytest.mark.parametrize(
    ("opening", "text"),
    [
        ("al {% if true %}1{% endif %}\npara", "al 1 para"),
        ("{% if true %}\nuno\n{% endif %}\ndos", "uno dos"),
        ("uno {# nota #}\ndos", "uno dos"),
        ("{% if true %}uno{% endif %}\n{% if true %}dos{% endif %}\ntres", "uno dos tres"),
        ("uno {%- if true %}\ndos\n{%- endif -%}\ntres", "uno dostres"),
    ],
)
def test_a_tag_at_the_end_of_a_line_does_not_glue_words(
    sources: Sources, context: Make, opening: str, text: str
) -> None:
    assert f"\n{text}\n" in render_email(with_opening(sources, opening), "test", context()).text


# ---------------------------------------------------------------------------------- compiled once


def test_templates_are_compiled_once_for_a_rulebook(sources: Sources, context: Make) -> None:
    render_sms(sources, "friendly", context())
    first = render._environment(sources)
    render_sms(sources, "friendly", context())
    assert render._environment(sources) is first
    assert render._environment(dict(sources)) is not first


def test_another_rulebook_is_never_served_from_memory(sources: Sources, context: Make) -> None:
    # Many short-lived rulebooks: an id may be used again, the words may not.
    for number in range(40):
        changed = with_opening(sources, f"Palabras {number}")
        assert render_sms(changed, "test", context()).text == f"Palabras {number}"


@settings(max_examples=50, deadline=None)
@given(source=st.text())
def test_any_source_is_rendered_or_refused(
    shipped: dict[str, Sources], context: Make, source: str
) -> None:
    changed = {**shipped["es-CO"], "test": source}
    with pytest.raises(MessageError):
        render_email(changed, "test", context())
