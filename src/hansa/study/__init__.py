"""A coalition on a data scientist's desk: an estimator whose `fit` is the whole chain, and models that predict.

Everything is played as the coalition would run it (`hansa.rehearsal`): drafted plan, votes, masked sums, seals, release.
This room adds no computation of its own, and no second way to a number. It must never let a test row choose anything.

    >>> import hansa, random
    >>> draw = random.Random(1)
    >>> def make_table(rows):
    ...     speed = [draw.uniform(0, 100) for _ in range(rows)]
    ...     return {"speed": speed, "damage": [int(draw.uniform(0, 100) < s) for s in speed]}
    >>> coalition = hansa.Coalition.from_tables({name: make_table(90) for name in ("north", "south", "west")})
    >>> model = hansa.JointClassifier(recipe="logistic").fit(coalition, "damage")
    >>> model.predict({"speed": [10, 90]}).tolist()
    [0, 1]
    >>> model.report.scored
    3
"""

from hansa.study.classifier import JointClassifier
from hansa.study.model import JointModel, load_model
from hansa.study.picture import Picture
from hansa.study.report import Report
from hansa.study.tables import Coalition

__all__ = ["Coalition", "JointClassifier", "JointModel", "Picture", "Report", "load_model"]
