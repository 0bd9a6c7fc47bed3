"""Flower's SecAgg+ on one size, for `secure_sum.py`; run by an interpreter that has Flower installed.

    PYTHON benchmarks/flower_secagg.py MEMBERS NUMBERS [GONE]

Drives the four stages of its client mod, and of its server the additions and the unmasking, in one process: without
its network, its records and its strategy. Everybody is everybody's neighbour, and values are quantised to
22 bits in a modulus of 2^32, its defaults. Prints seconds of a client (median) and of the server, without
the quantising and what undoes it.
"""

import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from flwr.common import bytes_to_ndarray, ndarrays_to_parameters
from flwr.common.secure_aggregation import quantization
from flwr.common.secure_aggregation.crypto.shamir import combine_shares
from flwr.common.secure_aggregation.ndarrays_arithmetic import (
    factor_combine,
    get_parameters_shape,
    parameters_addition,
    parameters_mod,
    parameters_multiply,
    parameters_subtraction,
)
from flwr.common.secure_aggregation.secaggplus_constants import Key
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen

# By name, because the package that holds the module hides it behind a function of the same name.
mod = import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")
SETUP, SHARE, COLLECT, UNMASK = (
    getattr(mod, name) for name in ("_setup", "_share_keys", "_collect_masked_vectors", "_unmask")
)
MODULUS, RANGE, CLIP, WEIGHT = 2**32, 2**22, 8.0, 1000.0


def main() -> None:
    members, length = int(sys.argv[1]), int(sys.argv[2])
    gone = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    ids = list(range(1, members + 1))
    alive = ids[: members - gone]
    threshold = max(members // 2 + 1, members * 4 // 5)
    spent = dict.fromkeys(ids, 0.0)
    states = {}

    def timed(who: int, stage: Callable[..., Any], *arguments: object) -> dict[str, Any]:
        begun = time.process_time()
        answer = stage(states[who], *arguments)
        spent[who] += time.process_time() - begun
        return answer

    setup = {
        Key.SAMPLE_NUMBER: members,
        Key.SHARE_NUMBER: members,
        Key.THRESHOLD: threshold,
        Key.CLIPPING_RANGE: CLIP,
        Key.TARGET_RANGE: RANGE,
        Key.MOD_RANGE: MODULUS,
        Key.MAX_WEIGHT: WEIGHT,
    }
    keys = {}
    for who in ids:
        states[who] = mod.SecAggPlusState()
        states[who].nid = who
        answer = timed(who, SETUP, setup)
        keys[who] = (answer[Key.PUBLIC_KEY_1], answer[Key.PUBLIC_KEY_2])
    boxes = {who: ([], []) for who in ids}
    for who in ids:
        answer = timed(who, SHARE, {str(other): pair for other, pair in keys.items()})
        for to, box in zip(answer[Key.DESTINATION_LIST], answer[Key.CIPHERTEXT_LIST], strict=True):
            boxes[to][0].append(who)
            boxes[to][1].append(box)
    server = 0.0
    total = None
    for who in alive:
        values = [((np.arange(length) * (who + 1)) % 100_003 / 50_001 - 1).astype(np.float32)]
        parameters = ndarrays_to_parameters(values)
        quantising = time_quantising(values)
        spent[who] -= quantising
        given = {Key.SOURCE_LIST: boxes[who][0], Key.CIPHERTEXT_LIST: boxes[who][1]}
        answer = timed(who, COLLECT, given, int(WEIGHT), parameters)
        begun = time.process_time()
        vector = [bytes_to_ndarray(data) for data in answer[Key.MASKED_PARAMETERS]]
        total = vector if total is None else parameters_addition(total, vector)
        server += time.process_time() - begun
    begun = time.process_time()
    total = parameters_mod(total, MODULUS)
    server += time.process_time() - begun
    shares = {who: [] for who in ids}
    dead = [who for who in ids if who not in alive]
    for who in alive:
        answer = timed(who, UNMASK, {Key.ACTIVE_NODE_ID_LIST: alive, Key.DEAD_NODE_ID_LIST: dead})
        for owner, share in zip(answer[Key.NODE_ID_LIST], answer[Key.SHARE_LIST], strict=True):
            shares[owner].append(share)
    begun = time.process_time()
    for owner, held in shares.items():
        secret = combine_shares(held)
        if owner in alive:
            mask = pseudo_rand_gen(secret, MODULUS, get_parameters_shape(total))
            total = parameters_subtraction(total, mask)
            continue
        for other in ids:
            if other == owner:
                continue
            agreed = mod.generate_shared_key(
                mod.bytes_to_private_key(secret),
                mod.bytes_to_public_key(keys[other][0]),
            )
            mask = pseudo_rand_gen(agreed, MODULUS, get_parameters_shape(total))
            change = parameters_addition if owner > other else parameters_subtraction
            total = change(total, mask)
    parameters_mod(total, MODULUS)
    server += time.process_time() - begun
    print(statistics.median(spent[who] for who in alive), server)


def time_quantising(values: list[np.ndarray]) -> float:
    """What the client does besides summing securely: scale, clip and round."""
    begun = time.process_time()
    factor_combine(RANGE, quantization.quantize(parameters_multiply(values, 1.0), CLIP, RANGE))
    return time.process_time() - begun


if __name__ == "__main__":
    main()
