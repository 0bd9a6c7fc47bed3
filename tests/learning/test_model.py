import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest

from hansa.errors import Malformed
from hansa.learning import Schema, Table, parse_model
from hansa.learning.personal import fit_alone

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "model.md"


@pytest.fixture(scope="module")
def model(schema, draw):
    return fit_alone(schema, draw(11, (120,))[0], 0.7)


@pytest.fixture
def document(model):
    return copy.deepcopy(model.to_json())


def test_a_model_read_back_scores_the_same_to_the_last_bit(model, draw):
    again = parse_model(json.loads(json.dumps(model.to_json())))
    rows = draw(12, (50,))[0].train
    assert (again.predict(rows) == model.predict(rows)).all()
    assert again.to_json() == model.to_json()
    assert again.digest == model.digest


def test_a_model_with_organisation_intercepts_says_so(document):
    document["organisation_intercept_penalty"] = "0.5"
    assert parse_model(document).intercept_penalty == 0.5
    assert parse_model(document).to_json() == document


def test_a_counted_category_says_its_buckets(document):
    (species,) = (feature for feature in document["features"] if feature["name"] == "species")
    assert species["categories"] == "counted"
    species |= {"categories": "counted in 4096", "coefficients": []}
    model = parse_model(document)
    assert model.to_json() == document
    assert {feature.buckets for feature in model.design.schema.categories} == {65_536, 4_096}
    species["coefficients"] = [{"code": 4097, "column": "species = #1001", "coefficient": "1.0"}]
    with pytest.raises(Malformed, match="has no code `4097`"):
        parse_model(document)
    species |= {"categories": "counted in 1000", "coefficients": []}
    with pytest.raises(Malformed, match="list of categories"):
        parse_model(document)


def test_the_file_holds_no_float(document):
    def walk(value):
        assert not isinstance(value, float)
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for child in children:
            walk(child)

    walk(document)


def feature(document, name):
    return next(entry for entry in document["features"] if entry["name"] == name)


def edit(path, value):
    def change(document):
        place = document
        for step in path[:-1]:
            place = feature(document, step[1:]) if str(step).startswith("@") else place[step]
        if value is None and path[-1] not in place:
            raise AssertionError(path)
        place[path[-1]] = value

    return change


def drop(name):
    return lambda document: document.pop(name)


def swap(document):
    rows = feature(document, "sky")["coefficients"]
    rows[0], rows[1] = rows[1], rows[0]


def repeat(document):
    document["features"].append(document["features"][0])


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("model.format", edit(["format"], "hansa/v2/logistic")),
        ("model.form", drop("intercept")),
        ("model.form", edit(["note"], "hello")),
        ("model.form", edit(["features"], {})),
        ("model.form", edit(["features", 0], "mass")),
        ("model.form", edit(["@mass", "type"], "picture")),
        ("model.form", edit(["@mass", "name"], 7)),
        ("model.form", edit(["@mass", "missing"], 1)),
        ("model.form", edit(["@mass", "deviation"], None)),
        ("model.form", edit(["@sky", "categories"], "guessed")),
        ("model.form", edit(["@sky", "coefficients"], {})),
        ("model.form", edit(["@sky", "coefficients", 0], {"code": 0})),
        ("model.form", edit(["intercept"], True)),
        ("model.form", repeat),
        ("model.number", edit(["intercept"], "-2.50")),
        ("model.number", edit(["intercept"], "1")),
        ("model.number", edit(["intercept"], "nan")),
        ("model.number", edit(["intercept"], "inf")),
        ("model.number", edit(["intercept"], "two")),
        ("model.number", edit(["@mass", "deviation"], "-1.0")),
        ("model.number", edit(["@mass", "maximum"], "-3.0")),
        ("model.category", edit(["@sky", "categories"], ["Clear", "Clear"])),
        ("model.category", edit(["@sky", "coefficients", 0, "code"], 5)),
        ("model.category", edit(["@sky", "coefficients", 0, "code"], -1)),
        ("model.category", edit(["@sky", "coefficients", 0, "code"], "0")),
        ("model.category", edit(["@sky", "coefficients", 0, "code"], False)),
        ("model.category", edit(["@sky", "coefficients", 0, "column"], "sky = Some")),
        ("model.category", swap),
    ],
)
def test_a_model_that_breaks_a_rule_is_refused_by_its_name(document, rule, change):
    change(document)
    with pytest.raises(Malformed) as excinfo:
        parse_model(document)
    assert excinfo.value.rule == rule


@pytest.mark.parametrize("document", [None, [], "model", 3])
def test_a_model_is_an_object(document):
    with pytest.raises(Malformed) as excinfo:
        parse_model(document)
    assert excinfo.value.rule == "model.form"


def test_the_example_of_the_page_is_read_and_scores_as_the_page_says():
    page = PAGE.read_text()
    document = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    model = parse_model(document)
    assert model.to_json() == document
    row = Table(
        model.design.schema,
        {"mass": np.array([4.2])},
        {"sky": np.array([None], dtype=object)},
        np.zeros(1, np.int8),
    )
    logit = model.predict(row)[0]
    assert f"= {logit:.4f}`" in page
    assert f"{1 / (1 + np.exp(-logit)):.3f}." in page


def test_a_model_of_no_features_is_its_intercept():
    document = {
        "format": "hansa/v1/logistic",
        "intercept": "0.5",
        "organisation_intercept_penalty": None,
        "features": [],
    }
    model = parse_model(document)
    assert model.predict(Table(Schema(()), {}, {}, np.zeros(3, np.int8))).tolist() == [0.5] * 3
