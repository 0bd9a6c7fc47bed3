"""A joint model as whoever uses it needs it, whatever recipe made it: what a table must hold, and each row's logit."""

from dataclasses import dataclass
from typing import Protocol

from hansa.errors import Malformed, Refused
from hansa.learning import model, networks, trees
from hansa.learning.networks.network import Network, encode_inputs
from hansa.learning.networks.training import find_logits
from hansa.learning.recipe import Json
from hansa.learning.tables import Schema, Table, Vector


class Predictor(Protocol):
    """A model of two classes."""

    def predict(self, table: Table) -> Vector:
        """Return each row's logit, without what an organisation keeps to itself: shape (n,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _NetworkPredictor:
    network: Network

    def predict(self, table: Table) -> Vector:
        return find_logits(self.network, encode_inputs(self.network.design, table))


def parse_predictor(document: Json) -> tuple[Predictor, Schema]:
    """Make a model from the content of a model file, with the features that its table must hold.

    Raises:
        Malformed: `model.format`, it is no model; and as of each model.
        Refused: `model.recipe`, it is a model of a kind that has no logits.
    """
    kind = document.get("format") if isinstance(document, dict) else None
    match kind:
        case model.FORMAT:
            logistic = model.parse_model(document)
            return logistic, logistic.design.schema
        case trees.FORMAT:
            forest = trees.parse_forest(document)
            return forest, forest.bins.schema
        case networks.FORMAT:
            network = networks.parse_network(document)
            return _NetworkPredictor(network), network.design.schema
        case str():
            raise Refused("model.recipe", f"expected a model of two classes, got `{kind}`")
        case _:
            raise Malformed("model.format", "expected a model, which says its `format`")
