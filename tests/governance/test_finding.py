import pytest

from hansa.errors import Malformed
from hansa.governance import Finding, InvalidDocument


def test_a_finding_is_shown_with_its_place():
    assert str(Finding("error", "plan.bar", "too low", "plan.yaml:3")) == "plan.yaml:3: too low"
    assert str(Finding("note", "plan.bar", "too low")) == "too low"


def test_an_invalid_document_is_malformed_and_carries_all_findings():
    findings = [
        Finding("error", "plan.bar", "too low", "plan.yaml:3"),
        Finding("error", "plan.label", "none", "plan.yaml:5"),
    ]
    error = InvalidDocument(findings)
    assert isinstance(error, Malformed)
    assert error.rule == "plan.bar"
    assert error.findings == tuple(findings)
    assert str(error) == "plan.bar: plan.yaml:3: too low; plan.yaml:5: none"


def test_a_document_without_findings_is_not_invalid():
    with pytest.raises(ValueError, match="at least one finding"):
        InvalidDocument([])
