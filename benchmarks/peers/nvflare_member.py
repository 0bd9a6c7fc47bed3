"""What NVFLARE runs at each member for `nvflare_rounds.py`: a random array for every one received.

nvflare_member.py BYTES
"""

import sys

import numpy as np
import nvflare.client as flare

size_bytes = int(sys.argv[1])
generator = np.random.default_rng()
flare.init()
while flare.is_running():
    model = flare.receive()
    if model is None:
        break
    ((name, received),) = model.params.items()
    if received.nbytes != size_bytes:
        message = f"expected {size_bytes} bytes, got {received.nbytes}"
        raise ValueError(message)
    flare.send(flare.FLModel(params={name: generator.random(received.size, dtype=np.float32)}))
