"""The page on which anybody sees whether a document is genuine and still stands.

It says nothing of whom the document is about, nor of how much: whoever asks may have found the
paper.
"""

from datetime import date

from escalon.messages.locales import Reader
from escalon.pages.page import Page, rendered
from escalon.pages.payment import View

_ES = {
    "genuine_title": "El documento es auténtico",
    "genuine": "Lo expidió {creditor} y lo guardamos el {day}.",
    "stands": "El acuerdo está en pie.",
    "fulfilled": "El acuerdo se cumplió.",
    "ended": "El acuerdo terminó y sus datos ya no se conservan.",
    "stands_no_longer": (
        "El acuerdo ya no está en pie: se incumplió, se canceló o lo reemplaza otro."
    ),
    "file": "El archivo es idéntico al que se expidió.",
    "content": "Compare el código y el SHA-256 del contenido con los que están impresos en él.",
    "unknown_title": "No encontramos este documento",
    "unknown": (
        "Ningún documento expedido tiene este código. Revise que esté completo; si lo está, pida a "
        "quien le entregó el documento que lo aclare."
    ),
}
_EN = {
    "genuine_title": "The document is genuine",
    "genuine": "It was issued by {creditor}, and we kept it on {day}.",
    "stands": "The agreement stands.",
    "fulfilled": "The agreement was kept.",
    "ended": "The agreement has ended, and its data is not kept any more.",
    "stands_no_longer": (
        "The agreement does not stand any more: it was broken, cancelled or replaced by another."
    ),
    "file": "The file is identical to the one that was issued.",
    "content": "Compare the code and the SHA-256 of the content with those printed on it.",
    "unknown_title": "We did not find this document",
    "unknown": (
        "No document that was issued has this code. See whether it is complete; if it is, ask "
        "whoever gave you the document."
    ),
}
_WORDS = {"es": _ES, "en": _EN}


def genuine(
    language: str, creditor: str, kept_on: date, *, state: str, stands: bool, by_file: bool
) -> Page:
    """A document that was issued: by whom, when, and whether it still stands."""
    say = _WORDS[language]
    day = Reader(language, codes=False).long_date(kept_on)
    became = "stands" if stands else "stands_no_longer"
    if state in ("fulfilled", "ended"):
        became = state
    paragraphs = (
        say["genuine"].format(creditor=creditor, day=day),
        say[became],
        say["file" if by_file else "content"],
    )
    view = View(language=language, title=say["genuine_title"], paragraphs=paragraphs, name=creditor)
    return rendered(200, "page.html.j2", view)


def unknown(language: str) -> Page:
    """No document that was issued has this code or hash."""
    say = _WORDS[language]
    view = View(language=language, title=say["unknown_title"], paragraphs=(say["unknown"],))
    return rendered(404, "page.html.j2", view)
