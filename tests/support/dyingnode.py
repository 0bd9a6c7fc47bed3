"""A node that is killed at one moment of saying something.

    python dyingnode.py MOMENT node up --folder HOUSE

MOMENT is `drawn` (another main key is on the disk, nothing is signed), `signed` (the entry is on the disk, nothing has left), `sent` (the hub has it, the answer was not heard), `folded`
(the own fold has it, and another main key has not taken the place of the one before), or `seen` (it is still in the outbox). Kills are real: SIGKILL, so that nothing is tidied up.
"""

import os
import signal
import sys

from hansa.cli import main
from hansa.node.keyring import Keyring
from hansa.node.outbox import Outbox
from hansa.node.remote import Remote


def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)


def submit_and_die(remote, envelopes):
    submit(remote, envelopes)
    die()


def die_when_it_comes(keyring, public):
    if public in [key.public for key in keyring.keys[1:]]:
        die()


moment, *arguments = sys.argv[1:]
submit = Remote.submit
if moment == "drawn":
    Outbox.write = die
elif moment == "signed":
    Remote.submit = die
elif moment == "sent":
    Remote.submit = submit_and_die
elif moment == "folded":
    Keyring.take_up = die_when_it_comes
elif moment == "seen":
    Outbox._remove = die
sys.exit(main(arguments))
