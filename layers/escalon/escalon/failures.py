"""What may be told about an error: its kind and its place, never its words (invariant 12).

An error's message quotes the value that it is about, and that may be a name or a document number.
"""

import traceback
from pathlib import Path


def described(error: BaseException) -> dict[str, str]:
    """An error's type and where it was raised, for a log line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "raised_at": place}


def in_short(error: BaseException) -> str:
    """The same in one line, for a document."""
    return " at ".join(filter(None, described(error).values()))
