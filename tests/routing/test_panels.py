from services.routing.core.panels import compose
from services.routing.core.places import Place
from tests.routing.town import TABLE, TODAY, view

STREET = TABLE.at_level("dispute", "0402", "street")
PLACE = Place("C1", "S1", "D")


def panel(kind="0402", recused=(), place=PLACE, **loads):
    return compose(STREET, kind, place, recused, view(**loads), TODAY)


def why(composed):
    return {candidate.id: candidate.left_out for candidate in composed.candidates}


def test_gold_mediator_judicial_head_and_lawyer():
    found = panel(u_m1=19)
    assert (found.mediator, found.judicial_head, found.lawyer) == ("u-m1", "u-j1", "u-l1")
    assert why(found) == {"u-m1": None, "u-m2": "rank", "u-m3": "leave", "u-l1": None}


def test_the_cap_is_a_cap():
    found = panel(u_m1=20)
    assert found.mediator == "u-m2"
    assert why(found)["u-m1"] == "cap"


def test_a_mediator_of_another_field_is_left_out():
    found = panel(kind="0301")
    assert found.mediator == "u-m2"
    assert why(found)["u-m1"] == "field"


def test_a_recused_mediator_does_not_sit():
    found = panel(recused=("u-m1", "u-j1", "u-l1"))
    assert (found.mediator, found.judicial_head, found.lawyer) == ("u-m2", None, None)
    assert why(found)["u-m1"] == "recused"


def test_the_district_helps_where_the_street_has_nobody():
    assert panel(u_m1=20, u_m2=20).mediator == "u-m9"
    assert panel(place=Place(None, "S2", "D")).mediator == "u-m9"


def test_nobody_left():
    found = panel(u_m1=20, u_m2=20, u_m9=20)
    assert found.mediator is None
    assert why(found) == {"u-m1": "cap", "u-m2": "cap", "u-m3": "leave", "u-m9": "cap", "u-l1": None}
