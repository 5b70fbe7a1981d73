"""Which approvals count, told by the executor's own check; and every way in which one does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qx.engine import approvals
from qx.engine.chain import verify_approvals
from qx.failover.approving import signature_of
from qx.kernel.errors import QxError, Refused
from qx.model.approval import HEAD, Approved, Pending
from qx.model.approving import ApprovalRule
from qx.model.audit import Signatures
from qx.model.journal import Entry, Event, Run, RunOutcome
from tests.fakes.court import EXPIRE_S, Bench, approver, ruled, signer

ME = ("ann@here",)


def refusal(bench: Bench, plan: Any, by: tuple[str, ...] = ME, **how: Any) -> str:
    with pytest.raises(Refused) as caught:
        approvals.check(bench, plan, by, **how)
    assert caught.value.code == "QX-PLAN-009"
    return caught.value.message


def test_what_is_signed_is_the_head_and_canonical_json_without_the_signature() -> None:
    given = Approved(
        platform="main", store="s1", plan="p1", plan_digest="d1", clusters=("a",), epochs={"b": 2, "a": 1}, by="ada",
        account="ada@x", key="SHA256:k", reason="é", at=1_700_000_000, expires=1_700_000_900, signature="zzz",
    )  # fmt: skip
    assert given.statement == HEAD + (
        '{"account":"ada@x","at":1700000000,"by":"ada","clusters":["a"],"epochs":{"a":1,"b":2},"expires":1700000900,'
        '"key":"SHA256:k","plan":"p1","plan_digest":"d1","platform":"main","reason":"é","run":"","step":"","store":"s1"}'
    ).encode()
    assert msgspec.json.decode(msgspec.json.encode(given), type=Approved).statement == given.statement


def test_so_many_distinct_approvers_let_it_pass_and_are_journalled_whole() -> None:
    bench = Bench(ruled(2))
    plan = bench.plan()
    assert "approved by nobody, required are 2 of ada, bob, carol, dan" in refusal(bench, plan)
    bench.keep(plan, bench.signed(plan, "ada"))
    assert "approved by ada, required are 2 of" in refusal(bench, plan)
    bench.keep(plan, bench.signed(plan, "carol"))
    found = approvals.check(bench, plan, ME)["approvals"]
    assert sorted(each["by"] for each in found) == ["ada", "carol"]
    kept = msgspec.convert(found, tuple[Approved, ...])
    assert all(bench.signed_by(signer(each.by).public, each.statement, each.signature) for each in kept)


def test_where_none_is_required_none_is_asked_for() -> None:
    bench = Bench(ruled(0))
    assert approvals.check(bench, bench.plan(), ME) == {}


def test_a_person_counts_once_however_often_he_signs() -> None:
    bench = Bench(ruled(2))
    plan = bench.plan()
    request = bench.keep(plan)
    for number in range(3):  # kept under other names, as somebody with the store's file could
        given = bench.signed(plan, "ada", reason=str(number))
        bench.store.put(Approved.KIND, f"{request.key}/{number}", msgspec.to_builtins(given))
    assert "approved by ada, required are 2" in refusal(bench, plan)


@pytest.mark.parametrize(("changed", "why"), [
    ({"plan_digest": "0" * 64}, None),
    ({"plan": "another"}, "of another plan"),
    ({"platform": "staging"}, "of another plan, run or platform"),
    ({"store": "another"}, "of another plan, run or platform"),
    ({"run": "r1", "step": "s"}, "of another plan, run or platform"),
    ({"at": 1_700_000_100, "expires": 1_700_001_000}, "dated in the future"),
    ({"expires": 1_699_999_999}, "expired"),
    ({"at": 1_700_000_000 - int(EXPIRE_S) - 1, "expires": 1_800_000_000}, "expired 1 s ago"),
    ({"key": "SHA256:another"}, "another key than theirs"),
])  # fmt: skip
def test_signed_and_not_of_this_moment(changed: dict[str, Any], why: str | None) -> None:
    """Each is signed as it stands: it is what it says that does not count."""
    bench = Bench(ruled(1))
    plan = bench.plan()
    bench.keep(plan, bench.signed(plan, "ada", **changed))
    said = refusal(bench, plan)
    assert "approved by nobody" in said
    assert why is None or why in said


@pytest.mark.parametrize("field", ["reason", "account", "at", "expires", "clusters", "epochs"])
def test_changed_after_it_was_signed(field: str) -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    other: dict[str, Any] = {
        "reason": "other", "account": "eve@x", "at": int(bench.now) - 1, "expires": int(bench.now) + 9_999,
        "clusters": (), "epochs": {"trading": 9},
    }  # fmt: skip
    bench.keep(plan, replace(bench.signed(plan, "ada"), **{field: other[field]}))
    assert "it was changed" in refusal(bench, plan)


def test_signed_with_anothers_key_or_not_at_all() -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    said = bench.statement(plan, "ada")
    bench.keep(plan, replace(said, signature=signer("eve").sign(said.statement)))
    assert "another key than theirs" in refusal(bench, plan)
    bench.keep(plan, said)
    assert "it is not signed" in refusal(bench, plan)
    bench.keep(plan, replace(said, signature="not base64!"))
    assert "it was changed" in refusal(bench, plan)
    bench.keep(plan, bench.signed(plan, "eve"))
    assert "does not name them" in refusal(bench, plan)


def test_only_those_whom_the_cluster_names() -> None:
    bench = Bench(ruled(1, "bob"))
    plan = bench.plan()
    bench.keep(plan, bench.signed(plan, "ada"))
    assert "does not name them" in refusal(bench, plan)
    bench.keep(plan, bench.signed(plan, "bob"))
    assert approvals.check(bench, plan, ME)


def test_the_requester_is_excluded_under_every_account_and_key_of_his() -> None:
    told = ruled(1)
    told = replace(told, approvers=told.approvers | {"ada": approver("ada", "a.lovelace")})
    for by in ("ada@here", "A.Lovelace@desk"):
        bench = Bench(told)
        plan = bench.plan(by)
        bench.keep(plan, bench.signed(plan, "ada", account="root@here"))
        assert "they asked for it" in refusal(bench, plan, ("zoe@here",))
    bench = Bench(told)
    plan = bench.plan("zoe@here")
    bench.keep(plan, bench.signed(plan, "ada"), bench.signed(plan, "bob", account="zoe@elsewhere"))
    assert "they asked for it, or carry it out" in refusal(bench, plan, ("a.lovelace@here",))
    assert [each["by"] for each in approvals.check(bench, plan, ("max@here",))["approvals"]] == ["ada"]


def test_a_changed_plan_has_no_approvals() -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    request = bench.keep(plan, bench.signed(plan, "ada"))
    assert approvals.check(bench, plan, ME)
    assert "approved by nobody" in refusal(bench, replace(plan, by="mallory@here"))
    bench.store.put(Pending.KIND, plan.id, msgspec.to_builtins(Pending(plan=replace(plan, by="mallory@here"))))
    with pytest.raises(QxError) as caught:
        approvals.pending(bench.store, request)
    assert caught.value.code == "QX-PLAN-005"


def test_a_plan_that_calls_its_move_something_else_wants_its_approvals_too() -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    other = replace(plan, stages=tuple(replace(stage, mode="rejoin") for stage in plan.stages))
    assert "approved by nobody" in refusal(bench, other)
    assert "approved by nobody" in refusal(bench, replace(plan, stages=()))


def test_it_expires() -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    bench.keep(plan, bench.signed(plan, "ada"))
    bench.rig.clocks.advance(EXPIRE_S - 1)
    assert approvals.check(bench, plan, ME)
    bench.rig.clocks.advance(1)
    assert "expired 0 s ago" in refusal(bench, plan)


def test_without_keys_it_can_only_be_refused() -> None:
    bench = Bench(ruled(1, people=()))
    plan = Bench(ruled(1)).plan()
    said = replace(bench.statement(plan, "ada"), key="")
    bench.keep(plan, said)
    assert "names nobody who could give one" in refusal(bench, plan)


def test_mode_confirm_wants_one_without_keys_and_not_from_who_asked() -> None:
    bench = Bench(ruled(0, people=()))
    plan = bench.plan("qx daemon on here, us-east is gone")
    assert "approved by nobody, required are 1" in refusal(bench, plan, (plan.by,), at_least=1)
    bench.keep(plan, replace(bench.statement(plan, "ada@there"), key=""))
    assert approvals.check(bench, plan, (plan.by,), at_least=1)["approvals"][0]["by"] == "ada@there"
    assert "they asked for it" in refusal(bench, plan, ("ada@here",), at_least=1)


def test_where_approvers_have_keys_one_person_signs_too() -> None:
    bench = Bench(ruled(0))
    plan = bench.plan()
    bench.keep(plan, bench.statement(plan, "ada"))
    assert "it is not signed" in refusal(bench, plan, at_least=1)
    bench.keep(plan, bench.signed(plan, "ada"))
    assert approvals.check(bench, plan, ME, at_least=1)


def test_a_move_within_a_runbook_has_the_approvals_of_the_runbook() -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    outer = Run(id="r1", plan_id="book", plan_digest="d" * 64, intent="runbook", started_at=0.0, by="ann@here",
                outcome=RunOutcome.OPEN, clusters=("runbook:x",))  # fmt: skip
    bench.store.begin(outer, plan)
    request = bench.keep(plan)
    of_book = {"plan": "book", "plan_digest": "d" * 64, "run": "r1", "step": "consent"}
    approvals.keep(bench.store, request, bench.signed(plan, "ada", **of_book), bench.now)
    assert "approved by nobody" in refusal(bench, plan)
    assert approvals.check(bench, plan, ME, within="r1/move")


def test_the_way_back_of_a_drill_has_the_approvals_of_the_way_there() -> None:
    bench = Bench(ruled(1))
    away = replace(bench.plan(), intent="drill")
    back = replace(bench.plan(), id="back")
    assert approvals.words_of(away).endswith(", and back")
    bench.keep(away, bench.signed(away, "ada"))
    assert "approved by nobody" in refusal(bench, back)
    assert "approved by nobody" in refusal(bench, back, back_from=replace(away, id="another"))
    [found] = approvals.check(bench, back, ME, back_from=away)["approvals"]
    assert (found["by"], found["plan_digest"]) == ("ada", away.digest)
    assert "ada" in refusal(bench, back, ("ada@here",), back_from=away), "who carries it out does not count"


def test_an_audit_verifies_the_signatures_again() -> None:
    """By the keys that regions.yaml names then; long after they expired."""
    bench = Bench(ruled(1, people=("ada", "bob")))
    plan = bench.plan()
    good, changed = bench.signed(plan, "ada"), replace(bench.signed(plan, "bob"), reason="another")
    stranger, unsigned = bench.signed(plan, "carol"), replace(good, signature="")

    def audited(*given: Any) -> tuple[list[str], Signatures]:
        proof = {"approvals": [msgspec.to_builtins(each) for each in given]}
        entry = Entry(run="r1", seq=1, at=0.0, event=Event.STARTED, proof=proof)
        breaks, found = verify_approvals(
            (entry.chained_to(""),), lambda each: signature_of(each, bench.platform, bench.signed_by)
        )
        return [f"{each.what} {each.expected} {each.found}" for each in breaks], found

    bench.rig.clocks.wall += 10 * EXPIRE_S
    assert audited(good, unsigned, stranger) == (
        [], Signatures(verified=1, unsigned=1, unknown=(f"carol {stranger.key}",))
    )  # fmt: skip
    assert audited(good, changed)[0] == ["approval what bob signed another text or key"]
    assert audited(replace(good, signature=bench.signed(plan, "bob").signature))[0] == [
        "approval what ada signed another text or key"
    ]
    assert audited({"by": 7})[0][0].startswith("approval an approval Expected")
    assert audited() == ([], Signatures(verified=0, unsigned=0, unknown=()))


def test_a_request_that_stands_is_kept_and_one_that_expired_is_made_anew() -> None:
    bench = Bench(ruled(1))
    plan = bench.plan()
    first = approvals.ask_for(bench, plan, plan.by)
    bench.rig.clocks.advance(10)
    assert approvals.ask_for(bench, plan, plan.by) == first
    assert approvals.pending(bench.store, first) == plan
    bench.rig.clocks.advance(EXPIRE_S)
    with pytest.raises(QxError) as caught:
        approvals.check_giver(first, "bob@x", bench.now)
    assert caught.value.code == "QX-BOOK-009"
    assert approvals.ask_for(bench, plan, plan.by).expires > bench.now
    approvals.withdraw(bench.store, first)
    assert approvals.requests(bench.store) == ()


def test_a_runbooks_step_wants_the_signatures_of_that_step() -> None:
    told = ruled(0)
    told = replace(told, defaults=replace(told.defaults, approvals=ApprovalRule(required=2)))
    bench = Bench(told)
    plan = bench.plan("ann@here")
    run = Run(id="r1", plan_id=plan.id, plan_digest=plan.digest, intent="runbook", started_at=0.0, by="ann@here",
              outcome=RunOutcome.OPEN, clusters=("runbook:x",))  # fmt: skip
    bench.store.begin(run, plan)
    request = approvals.ask(bench.store, plan, "r1", "consent", "go?", bench.now, 60.0)
    assert approvals.ask(bench.store, plan, "r1", "consent", "go?", bench.now + 1, 60.0) == request
    for name, step in (("ada", "consent"), ("bob", "another")):
        approvals.keep(bench.store, request, bench.signed(plan, name, run="r1", step=step), bench.now)
    found = approvals.granted(bench, request)
    assert ([each.by for each in found.counted], found.enough) == (["ada"], False)
    approvals.keep(bench.store, request, bench.signed(plan, "carol", run="r1", step="consent"), bench.now)
    assert approvals.granted(bench, request).enough
