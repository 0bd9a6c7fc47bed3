"""A member's own side: it follows and replays the log, witnesses it, votes, and answers beside its data.

It acts only on what its own fold permits, and takes nobody's word for what it can compute. Its identity key
and its rows never leave it; numbers derived from rows leave through the secure sum only. It never imports
the hub: the two belong to different organisations and share bytes, not code paths.

Typical use::

    follower = Follower("delta", key, clock, folder)
    follower.follow(leaves, checkpoint)          # refuses a fork, a rollback, an entry that does not follow
    voter.write(follower.state, Ballot(proposal=id, choice="yes", reason=""))
"""

from hansa.node.data import load_rows
from hansa.node.follower import Follower, witness_name
from hansa.node.trainer import Trainer
from hansa.node.voter import Voter

__all__ = ["Follower", "Trainer", "Voter", "load_rows", "witness_name"]
