"""How plainly a text is written: the readability scores of its language.

Spanish: the INFLESZ scale of Szigriszt-Pazos (1993), as validated by Barrio-Cantalejo (2008): below
40 very difficult, 40 to 55 somewhat difficult, 55 to 65 normal, 65 to 80 quite easy. English: the
Flesch reading ease (1948): 60 to 70 is plain English. Both rise with shorter words and sentences.
Syllables are counted by rule, exactly in Spanish and closely in English.
"""

import re
import unicodedata

PLAIN = {"es": 55, "en": 60}  # from this score on a text is for everybody
LEAST_WORDS = 20  # a score of fewer words means nothing

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NO_PROSE = re.compile(r"https?://\S+|\S+@\S+|\S*\d\S*")
_END = re.compile(r"[.!?…:;]+(?=\s|$)|\n\s*\n")

_ENGLISH_NUCLEUS = re.compile(r"[aeiouy]+")
_ENGLISH_SILENT = re.compile(r"(?<![aeiouyl])(?:e|es|ed)$")
_ENGLISH_SPOKEN = re.compile(r"(?:[td]ed|[szxc]es|[sc]hes|[gs]es)$")


def score(text: str, language: str) -> int | None:
    """The score of a text in `language` ("es", "en"), rounded; None for another language, and for
    a text too short to judge. Addresses, amounts and dates are not prose and do not count."""
    syllables_of = {"es": spanish_syllables, "en": english_syllables}.get(language)
    if syllables_of is None:
        return None
    prose = _NO_PROSE.sub(" ", text)
    sentences = [part for part in _END.split(prose) if _WORD.search(part)]
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    if len(words) < LEAST_WORDS:
        return None
    by_sentence = len(words) / len(sentences)
    by_word = sum(syllables_of(word) for word in words) / len(words)
    if language == "es":
        return round(206.835 - 62.3 * by_word - by_sentence)
    return round(206.835 - 84.6 * by_word - 1.015 * by_sentence)


def spanish_syllables(word: str) -> int:
    """Syllables of a Spanish word by the rules of hiatus and diphthong; at least 1."""
    letters = word.lower()
    # The u of que, qui, gue, gui is not spoken.
    letters = re.sub(r"([qg])u(?=[eiéí])", r"\1", letters)
    letters = re.sub(r"y(?=[aeiouáéíóú])", "j", letters).replace("y", "i")
    count = 0
    previous = ""
    for letter in letters:
        if letter not in "aeiouáéíóúü":
            previous = previous if letter == "h" and previous else ""
            continue
        if not previous or _apart(previous, letter):
            count += 1
        previous = letter
    return max(1, count)


def _apart(first: str, second: str) -> bool:
    """Whether two vowels side by side are two syllables: both strong, a stressed weak one beside a
    strong one, or the same vowel twice."""
    strong = "aeoáéó"
    if first in strong and second in strong:
        return True
    if first in "íú" or second in "íú":
        return True
    return _bare(first) == _bare(second)


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def english_syllables(word: str) -> int:
    """Syllables of an English word: groups of vowels less the silent endings; at least 1."""
    letters = word.lower().replace("'", "").replace("’", "")
    groups = len(_ENGLISH_NUCLEUS.findall(letters))
    if _ENGLISH_SILENT.search(letters) and not _ENGLISH_SPOKEN.search(letters):
        groups -= 1
    return max(1, groups)
