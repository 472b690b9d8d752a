"""Make this interpreter answer as if it ran on the architecture that OVENBIRD_MACHINE names.

Mounted where dependencies are resolved for another architecture: markers and wheel tags then are the target's.
"""

import os
import platform
import sysconfig

_machine = os.environ.get("OVENBIRD_MACHINE", "")
if _machine:
    _uname = os.uname()
    _uname_of_target = os.uname_result((_uname.sysname, _uname.nodename, _uname.release, _uname.version, _machine))
    os.uname = lambda: _uname_of_target
    platform.machine = lambda: _machine
    platform.processor = lambda: ""
    _platform = platform.uname()
    _row = _platform._replace(machine=_machine)
    platform.uname = lambda: _row
    sysconfig.get_platform = lambda: f"linux-{_machine}"
