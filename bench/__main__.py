"""`make bench`: every benchmark, each beside its floor in the same run.

python -m bench [decisions] [contact_policy] [importing] [escalate] [deliver] [webhooks] [plan]
                [cold_start]
"""

import sys
from collections.abc import Callable

from bench import (
    cold_start,
    contact_policy,
    decisions,
    deliver,
    escalate,
    importing,
    plan,
    webhooks,
)


def main(wanted: list[str]) -> int:
    """Run those that were named, or all."""
    benches: dict[str, Callable[[], None]] = {
        "decisions": decisions.main,
        "contact_policy": contact_policy.main,
        "importing": importing.main,
        "escalate": escalate.main,
        "deliver": deliver.main,
        "webhooks": webhooks.main,
        "plan": plan.main,
        "cold_start": cold_start.main,
    }
    unknown = [name for name in wanted if name not in benches]
    if unknown:
        print(f"no benchmark {unknown[0]}; there are: {', '.join(benches)}")
        return 2
    for name, bench in benches.items():
        if not wanted or name in wanted:
            print(f"\n== {name} ==", flush=True)
            bench()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
