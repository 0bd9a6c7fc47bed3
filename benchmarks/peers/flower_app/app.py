"""The app that Flower runs for `flower_rounds.py`: its stock FedAvg over random arrays."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

client = ClientApp()
server = ServerApp()


def draw_array(numbers: int) -> ArrayRecord:
    """Random, and another one each time, because Flower sends a chunk that it has seen only once."""
    return ArrayRecord([np.random.default_rng().random(numbers, dtype=np.float32)])


@client.train()
def answer(message: Message, _: Context) -> Message:
    (received,) = message.content["arrays"].to_numpy_ndarrays()
    metrics = MetricRecord({"num-examples": 1, "received": received.size})
    content = RecordDict({"arrays": draw_array(received.size), "metrics": metrics})
    return Message(content=content, reply_to=message)


class WholeFedAvg(FedAvg):
    """The stock FedAvg, which goes on without those that failed, made to stop instead."""

    def __init__(self, members: int, numbers: int) -> None:
        super().__init__(fraction_evaluate=0.0, min_train_nodes=members, min_available_nodes=members)
        self.expected = [(numbers, numbers)] * members

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Refuse a round without somebody's whole array, then aggregate as usual."""
        whole = list(replies)
        for reply in whole:
            if reply.has_error():
                message = f"a member failed in round {server_round}: {reply.error.reason}"
                raise RuntimeError(message)
        moved = [
            (
                reply.content["metrics"]["received"],
                *(array.shape[0] for array in reply.content["arrays"].values()),
            )
            for reply in whole
        ]
        if moved != self.expected:
            message = f"expected {self.expected} numbers down and up in round {server_round}, got {moved}"
            raise RuntimeError(message)
        return super().aggregate_train(server_round, whole)


@server.main()
def run_rounds(grid: Grid, context: Context) -> None:
    members, numbers, rounds = (int(context.run_config[name]) for name in ("members", "numbers", "rounds"))
    result = Path(str(context.run_config["result"]))
    moments = []
    try:
        while len(list(grid.get_node_ids())) < members:
            time.sleep(0.2)
        WholeFedAvg(members, numbers).start(
            grid=grid,
            initial_arrays=draw_array(numbers),
            num_rounds=rounds,
            evaluate_fn=lambda *_: moments.append(time.perf_counter()),
        )
        outcome = {"moments": moments}
    except Exception as error:  # noqa: BLE001 - whatever it was, the script that waits must hear of it
        outcome = {"error": f"{type(error).__name__}: {error}"}
    draft = result.with_suffix(".draft")
    draft.write_text(json.dumps(outcome))
    draft.rename(result)
