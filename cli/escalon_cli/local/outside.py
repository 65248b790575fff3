"""The world outside of a local stack, in one process: who carries messages, who takes money, and
the mailbox in which a person reads what was sent.

It lives for as long as the stack's MiniStack does, and goes by the stack's clock.
"""

import fcntl
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from escalon_cli.deployed import Deployed, NotDeployedError, of_local
from escalon_cli.local import provider_stand_in, ses_stand_in, stack
from escalon_cli.local.mailbox import Mailbox
from escalon_cli.publish import live_version


@dataclass
class Inside:
    """What the world outside can see of the stack of a folder: before it is deployed, nothing."""

    folder: Path

    @cached_property
    def _deployed(self) -> Deployed:
        info = stack.status(self.folder.name, project=self.folder.parents[2])
        if info is None:
            raise NotDeployedError(f"nothing is deployed in {self.folder}")
        return of_local(info)

    def now(self) -> datetime:
        """The stack's clock."""
        try:
            return self._deployed.now()
        except NotDeployedError:
            return datetime.now(UTC)

    def zone(self) -> ZoneInfo:
        """The zone of the rulebook in force; UTC while there is none."""
        try:
            version = live_version(self._deployed)
        except NotDeployedError:
            version = ""
        if not version:
            return ZoneInfo("UTC")
        return ZoneInfo(self._deployed.documents.rulebook(version).default_zone)

    def webhooks(self) -> str:
        """The address that providers post to, before their own name."""
        return f"{self._deployed.outputs['ApiUrl']}/webhooks"


def main(folder: str, endpoint_url: str, carriers_port: str, providers_port: str) -> None:
    """Serve for as long as MiniStack holds the lock of the stack's folder."""
    home = Path(folder)
    inside = Inside(home)
    carriers = ses_stand_in.StandIn(
        endpoint_url, home, now=inside.now, mailbox=Mailbox(home / ses_stand_in.MAILS, inside.zone)
    )
    providers = provider_stand_in.StandIn(
        int(providers_port), now=inside.now, webhooks=inside.webhooks
    )
    threading.Thread(target=carriers.serve(int(carriers_port)).serve_forever, daemon=True).start()
    with providers, (home / "alive").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


if __name__ == "__main__":
    main(*sys.argv[1:])
