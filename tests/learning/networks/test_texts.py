"""Texts over a declared vocabulary: from the words that document it, is it a class or a function?"""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from hansa.learning import Networks, NumberFeature, Rows, Schema, Table, run_in_clear
from hansa.learning.networks import parse_network_parameters

pytest.importorskip("torch", reason="PyTorch is not installed: NO NETWORK IS TRAINED IN THESE TESTS")

VOCABULARY = [
    "a",
    "all",
    "an",
    "and",
    "any",
    "apply",
    "are",
    "array",
    "as",
    "at",
    "axis",
    "base",
    "be",
    "been",
    "by",
    "can",
    "check",
    "compute",
    "computes",
    "construct",
    "container",
    "convert",
    "copy",
    "create",
    "data",
    "default",
    "depends",
    "describe",
    "determine",
    "dtype",
    "each",
    "element",
    "elements",
    "error",
    "estimator",
    "evaluate",
    "every",
    "example",
    "examples",
    "file",
    "find",
    "fit",
    "for",
    "from",
    "function",
    "generate",
    "get",
    "given",
    "has",
    "helper",
    "how",
    "if",
    "implements",
    "in",
    "index",
    "input",
    "instance",
    "instances",
    "interface",
    "into",
    "is",
    "it",
    "iterator",
    "list",
    "make",
    "matrix",
    "method",
    "methods",
    "model",
    "must",
    "name",
    "not",
    "number",
    "object",
    "objects",
    "of",
    "on",
    "one",
    "or",
    "otherwise",
    "output",
    "overview",
    "parameters",
    "parse",
    "predict",
    "provides",
    "random",
    "read",
    "represent",
    "represents",
    "same",
    "sample",
    "set",
    "shape",
    "should",
    "similar",
    "simple",
    "size",
    "specified",
    "string",
    "subclass",
    "subclasses",
    "support",
    "test",
    "that",
    "the",
    "their",
    "these",
    "this",
    "to",
    "transform",
    "true",
    "type",
    "update",
    "use",
    "used",
    "user",
    "using",
    "value",
    "values",
    "vector",
    "version",
    "when",
    "which",
    "whose",
    "will",
    "with",
    "wrapper",
    "write",
    "x",
    "y",
]
SCHEMA = Schema(tuple(NumberFeature(term, 0.0, 1.0, missing=False) for term in VOCABULARY))
MEMBERS = ("numpy", "scipy", "sklearn", "email", "asyncio", "unittest", "multiprocessing")


def read_texts(package):
    """Yield the first paragraph of what documents each class and each function of a package, and whether it is a class."""
    found = pytest.importorskip(package).__file__
    for path in sorted(Path(found).parent.rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield text.split("\n\n")[0], isinstance(node, ast.ClassDef)


def weigh(texts):
    """Return each text's terms, as shares of the longest it could be: shape (n, n_terms); seldom ones are weighed up by the scaling."""
    places = {term: place for place, term in enumerate(VOCABULARY)}
    counts = np.zeros((len(texts), len(places)))
    for row, text in zip(counts, texts, strict=True):
        for word in re.findall(r"[a-z]+", text.lower()):
            if word in places:
                row[places[word]] += 1
    return np.log1p(counts) / np.maximum(np.linalg.norm(np.log1p(counts), axis=1, keepdims=True), 1)


@pytest.fixture(scope="module")
def texts():
    """At most 600 texts of each package, a third of them to test."""
    members = []
    for number, package in enumerate(MEMBERS):
        read = [*read_texts(package)]
        kept = np.random.default_rng(number).permutation(len(read))[:600]
        terms = weigh([read[place][0] for place in kept])
        labels = np.array([read[place][1] for place in kept], dtype=np.int8)
        table = Table(SCHEMA, dict(zip(VOCABULARY, terms.T.copy(), strict=True)), {}, labels)
        test = np.arange(len(kept)) % 3 == 0
        members.append(Rows(package, table.take(~test), table.take(test)))
    return members


@pytest.mark.slow
def test_members_with_texts_of_their_own_learn_more_together_than_alone(texts):
    settings = parse_network_parameters(
        {
            "layers": [{"kind": "linear", "size": 16}, {"kind": "relu"}],
            "method": "fedadam",
            "rounds": 20,
            "server_rate": "0.01",
            "decay": "0.01",
        }
    )
    metrics = run_in_clear(Networks(SCHEMA, settings, MEMBERS), texts).metrics
    assert metrics["auc_pooled_together"] > 0.83
    assert metrics["auc_together"] > metrics["auc_alone"]
    assert metrics["auc_corrected"] > metrics["auc_alone"] + 0.02
