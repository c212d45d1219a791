"""TensorBoard in a process that does not outlive the one that started it.

`python -m lungnet.cli.tensorboard_process PARENT --logdir ...`, where the rest goes to TensorBoard.
"""

import ctypes
import os
import signal
import sys
import types

#: From <sys/prctl.h>: the kernel sends this process a signal when its parent ends, however it ends.
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serves until it is told to end, or until the process PARENT has ended."""
    parent = int(sys.argv.pop(1))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel was asked
            return
    # TensorBoard takes TensorFlow where it finds it, which costs 10 s and 600 MB beside a training on the
    # same machine. It only reads event files; with this name there it does so by itself.
    sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")
    from tensorboard.main import run_main

    run_main()


if __name__ == "__main__":
    main()
