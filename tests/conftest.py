"""What holds for every test."""

import pytest


@pytest.fixture(autouse=True)
def threads_are_used_where_they_are_asked_for(monkeypatch):
    """On problems of a test's size they would not be worth while."""
    monkeypatch.setattr("sksoftmax._objective.rows.WORTH_A_THREAD", 0)


@pytest.fixture
def no_window():
    """Pictures are drawn nowhere, and closed afterwards."""
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    yield
    plt.close("all")
