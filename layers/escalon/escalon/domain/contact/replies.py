"""What a debtor writes back to a message, and the few words that act by themselves: pure.

Sources of the words: CTIA Messaging Principles and Best Practices 5.1.3 and 47 CFR 64.1200(a)(10)
for the English ones; Spanish and Portuguese ones as carriers of those countries have them.
"""

import unicodedata
from datetime import datetime
from typing import Literal

import msgspec

from escalon.domain.account import Channel

type Wish = Literal["stop", "start", ""]

# The whole message.
_STOP = frozenset(
    {
        *("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke"),
        *("opt out", "optout", "baja", "salir", "cancelar", "parar", "pare", "paren", "detener"),
        *("no mas", "no mas mensajes", "sair", "nao quero", "remover"),
    }
)
_START = frozenset({"start", "unstop", "alta"})
# A sentence that begins with one of these asks to be left alone, whatever comes after it …
_BEGINS = (
    *("stop", "stopall", "unsubscribe", "optout", "opt out", "pare", "paren", "detengan"),
    *("baja gracias", "baja por favor", "baja ya", "baja de", "baja del", "salir de"),
)
# … but for these, which ask or promise something else.
_NOT_SO = ("stop by", "stopped", "pare por", "pare bolas")
# Said anywhere in it, unless "no" or "don't" stands before it.
_SAYS = (
    *("no me escriba", "no me escriban", "no me escribas", "no me vuelva a escribir"),
    *("no me vuelvan a escribir", "no me contacte", "no me contacten", "no me contactes"),
    *("no me mande", "no me manden", "no me mandes", "no me envie", "no me envien"),
    *("no me envies", "no envien mas", "no enviar mas", "no escriban mas", "no escribir mas"),
    *("no quiero recibir", "no deseo recibir", "no quiero mas mensajes", "no mas mensajes"),
    *("no mas sms", "dejen de escribir", "dejen de escribirme", "deje de escribir"),
    *("deje de escribirme", "deja de escribirme", "dejen de enviar", "dejen de enviarme"),
    *("deje de enviarme", "dejen de mandarme", "deje de mandarme", "dejen de molestar"),
    *("dejen de molestarme", "deje de molestar", "deje de molestarme", "deme de baja"),
    *("denme de baja", "darme de baja", "quitenme de", "quiteme de", "borrenme de"),
    *("borreme de", "eliminenme de", "elimineme de", "saquenme de", "saqueme de"),
    *("stop texting", "stop messaging", "stop contacting", "stop sending", "stop writing"),
    *("quit texting", "dont text", "do not text", "dont contact", "do not contact"),
    *("dont message", "do not message", "no more messages", "no more texts", "remove me"),
    *("take me off", "unsubscribe me", "please unsubscribe", "opt me out", "leave me alone"),
    *("nao me envie", "nao me enviem", "nao me mande", "nao me mandem", "nao me escreva"),
    *("pare de me", "parem de me", "me tire da lista", "me remova"),
)
_REVERSED = frozenset({"no", "not", "dont", "never", "nunca", "nao"})


class Wanted(msgspec.Struct, frozen=True):
    """What a message asks for, and whether a person has to read it."""

    wish: Wish
    to_read: bool


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message from a debtor. `sender` is a number in E.164."""

    channel: Channel
    reply_id: str  # the carrier's; the same if the same message is told twice
    at: datetime
    sender: str
    text: str = ""  # empty if it is a picture, a voice message or the like
    kind: str = "text"


def wanted(text: str) -> Wanted:
    """What a message asks for: "Stop.", " BAJA ", "stop!!" are the word alone. A sentence that says
    clearly to write no more stops too, since no law asks for a form of words, and a person reads it
    all the same (47 CFR 64.1200(a)(10): "any reasonable means"; 12 CFR 1006.6(e)). Nothing starts
    but by the word alone: what is only guessed may take permission away and never give it."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text).casefold()
        if char.isalpha() or char.isspace() or char == "-"
    )
    words = " ".join(plain.replace("-", " ").split())
    if words in _STOP:
        return Wanted("stop", to_read=False)
    if words in _START:
        return Wanted("start", to_read=False)
    return Wanted("stop" if _asks_to_stop(f" {words} ") else "", to_read=True)


def _asks_to_stop(sentence: str) -> bool:
    """`sentence` is in small letters without marks, a space around each word."""
    begins = any(sentence.startswith(f" {word} ") for word in _BEGINS)
    if begins and not any(sentence.startswith(f" {word} ") for word in _NOT_SO):
        return True
    for said in _SAYS:
        before, found, _ = sentence.partition(f" {said} ")
        if found and before.rpartition(" ")[2] not in _REVERSED:
            return True
    return False
