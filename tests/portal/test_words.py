"""Masks, numbers, forms and sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.core import commands, forms, masks, numbers, words
from services.portal.core.overview import Figure


def test_masks_as_people_know_them() -> None:
    assert masks.name("王小明") == "王**"
    assert masks.telephone("138 0000 1234") == "138****1234"
    assert masks.id_number("12010619540318402X") == "1201**********402X"
    assert masks.address("和苑街道示例园社区7号楼") == "和苑街道示例……"


@given(st.text(max_size=40))
def test_masking_twice_changes_nothing_and_never_adds_what_was_hidden(text: str) -> None:
    for mask in (masks.name, masks.telephone, masks.id_number):
        assert mask(mask(text)) == mask(text)


@given(st.from_regex(r"\A1[0-9]{10}\Z"))
def test_a_masked_telephone_shows_seven_digits_at_most(number: str) -> None:
    assert sum(sign.isdigit() for sign in masks.telephone(number)) == 7


def test_unknown_numbers_are_never_zero() -> None:
    assert numbers.count(None) == "没有数据"
    assert numbers.count(1284) == "1,284"
    assert numbers.yuan(186000) == "1,860.00 元"
    assert numbers.rate(Figure(name="resolved", numerator=1204, denominator=1317)) == "91.4%"
    assert numbers.rate(Figure(name="resolved", numerator=3, denominator=7)) == "3 ÷ 7"
    assert numbers.rate(Figure(name="resolved", numerator=0, denominator=0)) == "没有数据"


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("1860", 186000),
        ("1,860.5", 186050),
        ("1860.00 元", 186000),
        ("0.01", 1),
        ("很多", None),
        ("1.234", None),
        ("-5", None),
    ],
)
def test_amounts_as_they_are_typed(typed: str, fen: int | None) -> None:
    assert numbers.fen(typed) == fen


@given(st.integers(0, 10**12))
def test_an_amount_written_is_read_back(fen: int) -> None:
    assert numbers.fen(numbers.yuan(fen)) == fen


def test_check_digit_of_an_id_number() -> None:
    assert forms.id_number_ok("11010519491231002X")
    assert forms.id_number_ok("11010519491231002x")
    assert not forms.id_number_ok("110105194912310021")
    assert not forms.id_number_ok("11010519491231002")


FAMILIES = {"0402": "dispute", "05-01": "incident"}
TYPED = {
    "telephone": "139 0000 2716",
    "name": "冯桂兰",
    "text": "坐电梯被困",
    "kind": "0402",
    "community": "120106012001",
}


def test_a_good_form_becomes_a_registration() -> None:
    typed = {**TYPED, "others": "和畅物业公司、捷安维保公司", "amount": "1,860.00", "id_number": "11010519491231002x"}
    made = forms.register(typed, FAMILIES).registration
    assert made is not None
    assert (made.family, made.amount_fen, made.channel) == ("dispute", 186000, "window")
    assert [(party.role, party.kind) for party in made.parties] == [
        ("applicant", "person"), ("respondent", "organisation"), ("respondent", "organisation")
    ]  # fmt: skip
    assert made.parties[0].telephone == "13900002716"
    assert made.parties[0].id_number == "11010519491231002X"


@pytest.mark.parametrize("field", ["telephone", "name", "text", "kind", "community"])
def test_what_is_left_out_is_named(field: str) -> None:
    checked = forms.register({**TYPED, field: ""}, FAMILIES)
    assert checked.registration is None
    assert set(checked.errors) == {field}


def test_a_report_takes_the_point_unless_a_community_was_chosen() -> None:
    typed = {"kind": "05-01", "lon": "117.15", "lat": "39.16", "community": ""}
    made = forms.report(typed, FAMILIES).registration
    assert made is not None and (made.lon, made.lat, made.channel) == (117.15, 39.16, "grid")
    chosen = forms.report({**typed, "community": "120106001006"}, FAMILIES).registration
    assert chosen is not None and chosen.lon is None
    assert set(forms.report({"kind": "0402"}, FAMILIES).errors) == {"kind", "community"}
    assert set(forms.report({**typed, "lon": "nan"}, FAMILIES).errors) == {"community"}


def test_what_is_not_allowed_yet_is_a_sentence() -> None:
    assert words.not_yet("close", "not_verified") == "结案还不行：缺核查。"
    assert words.not_yet("close", "strange", "要先问过领导。Ask first.") == "结案还不行：要先问过领导。"
    assert words.not_yet("close", "strange") == "结案还不行：strange。"
    assert words.chinese("链接过期 Link expired") == "链接过期"


def test_commands_carry_only_what_they_have() -> None:
    typed = {"seen": "7", "reason": "地下", "unit": "dept-water", "csrf": "x", "key": "y", "kind": "outcry"}
    assert commands.fields("whistle", typed) == {"seen": 7, "unit": "dept-water", "kind": "outcry", "reason": "地下"}
    assert commands.fields("confirm", {"seen": "7", "obligation": "w1", "rank": "2"}) == {
        "seen": 7, "obligation": "w1", "rank": 2
    }  # fmt: skip
    assert commands.fields("attend", {"seen": "7", "rank": "0"}) == {"seen": 7}
    assert commands.fields("verify", {"seen": "1", "passed": "false"}) == {"seen": 1, "passed": False}
    with pytest.raises(ValueError, match="到场当事人"):
        commands.fields("session", {"seen": "1", "present": "两"})
