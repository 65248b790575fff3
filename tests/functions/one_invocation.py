"""Runs one handler once, in a process of its own, as Lambda starts a function cold.

    one_invocation.py FOLDER EVENT.json ANSWER.json

The environment is the one that the template gives the function; what is printed is its log.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace


def main(folder: Path, event: Path, answer: Path) -> None:
    """Call the handler and write what it returns, or which error it raises."""
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("app", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    context = SimpleNamespace(
        function_name=folder.name,
        function_version="$LATEST",
        memory_limit_in_mb=1024,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{folder.name}",
        aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
        get_remaining_time_in_millis=lambda: 300_000,
    )
    try:
        returned = app.handler(json.loads(event.read_text(encoding="utf-8")), context)
    except Exception as error:  # Lambda keeps type and words of it, and so in the dead letters
        returned = {"errorType": type(error).__name__, "errorMessage": str(error)}
    answer.write_text(json.dumps(returned), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
