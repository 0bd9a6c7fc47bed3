"""A node that is killed in the middle of a run: `python leavingnode.py TURN node up --folder HOUSE`. The kill is real: SIGKILL."""

import os
import signal
import sys

from hansa.cli import main
from hansa.node.trainer import Trainer

turn, *arguments = sys.argv[1:]
receive = Trainer.receive
heard = [0]


def receive_and_die(trainer, message):
    heard[0] += 1
    answer = receive(trainer, message)
    if heard[0] == int(turn):
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


Trainer.receive = receive_and_die
sys.exit(main(arguments))
