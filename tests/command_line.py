"""How the tests start the command line: as a process of its own."""

import subprocess
import sys
from collections.abc import Callable

PROGRAM = [sys.executable, "-c", "from kernelgen.cli.app import main; main()"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
