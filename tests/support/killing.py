"""A node that is killed while it writes down what it must not forget.

    python killing.py FOLDER NUMBER MEMBER WHAT WHEN

plays run NUMBER of the coalition in FOLDER, in a process that kills itself when MEMBER writes WHAT (`runs`
or `totals`): WHEN is `before`, `amid` (half of the file is there, or its name and no more) or `after` (all of it
is on the disk, and nothing has left the house yet).

Kills are real: SIGKILL, so that nothing is tidied up.
"""

import os
import signal
import sys
from pathlib import Path

from hansa.node import memory
from hansa.rehearsal import Silent, Stage, conduct_run
from hansa.store import write_atomically
from hansa.store.files import unfinished_path


def main():
    folder, number, member, what, when = sys.argv[1:]

    def write(path, data):
        if path.parent != Path(folder) / "members" / member / what:
            write_atomically(path, data)
            return
        if when == "amid":
            unfinished_path(path).write_bytes(data[: len(data) // 2])
        elif when == "after":
            write_atomically(path, data)
        os.kill(os.getpid(), signal.SIGKILL)

    create = memory._create

    def create_and_die(path):
        if path.parent == Path(folder) / "members" / member / what:
            if when == "amid":
                path.touch()
            elif when == "after":
                create(path)
            os.kill(os.getpid(), signal.SIGKILL)
        create(path)

    memory.write_atomically, memory._create = write, create_and_die
    with Stage.open(Path(folder)) as stage:
        conduct_run(stage, int(number), "ada", Silent())


if __name__ == "__main__":
    main()
