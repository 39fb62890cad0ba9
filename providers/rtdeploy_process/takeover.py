"""What a new supervisor starts from: what lies in the directory, what the keeper holds, and servers left behind."""

import os
from pathlib import Path

from rtdeploy.errors import PlatformError
from rtdeploy_process import family, state
from rtdeploy_process.custody import Custody
from rtdeploy_process.family import Member
from rtdeploy_process.fleet import Fleet
from rtdeploy_process.keeping import Keeping
from rtdeploy_process.mark import Role
from rtdeploy_process.resources import Ledger
from rtdeploy_process.sockets import Doors

__all__ = ["furnish"]


def furnish(directory: Path) -> tuple[Fleet, int]:
    """Make a fleet, and a descriptor whose lines go to the log.

    Raises:
        PlatformError: the state cannot be read, the port has gone to somebody else, or the keeper does not start.

    """
    ledger = state.load(directory) or Ledger()
    orphans = [member for member in family.find(directory) if member.role is Role.REPLICA]
    keeping = Keeping.reach(directory)
    try:
        doors, ledger = _doors(keeping, ledger, orphans)
    except PlatformError:
        keeping.end()
        raise
    heard, words_to = os.pipe()
    keeping.read(f"supervisor/{os.getpid()}", str(Role.SUPERVISOR), heard)
    os.close(heard)
    return Fleet(directory, ledger, doors, Custody(directory, keeping, doors), orphans), words_to


def _doors(keeping: Keeping, ledger: Ledger, orphans: list[Member]) -> tuple[Doors, Ledger]:
    """Take the sockets back from the keeper; where it has none, bind them again at the same port."""
    held = keeping.take()
    names = {f"own/{record.name}" for record in ledger.versions}
    stale = [name for name in held if not ledger.versions or (name.startswith("own/") and name not in names)]
    for name in stale:
        held.pop(name).close()
    keeping.drop(stale)
    doors = Doors(held)
    if ledger.versions and not doors.traffic:
        take = doors.join if orphans else doors.bind
        take(ledger.host, ledger.port)
    for record in ledger.versions:
        if not doors.has_own(record.name):
            ledger = ledger.bound_own(record.name, doors.bind_own(record.name, record.host))
    return doors, ledger
