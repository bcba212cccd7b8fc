"""Approvals (docs/evidence-format.md section 6), for verify.py beside it. Python 3.9 or later and nothing else."""
import hashlib, itertools, json, re
from types import SimpleNamespace as Box

import approver_keys
from signed_note import Bad

SKIPPED = "the target did not execute it, because of an earlier error"
GRACE_NS, MAX_CHOICES, MAX_FILE = 10 * 10**9, 10_000, 1 << 20
NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(json|sshsig|webauthn\.json)")
class Unseen(Exception): """It depends on a record that was not given."""

# ---- The form of a statement (ADR 15)
text = lambda v: type(v) is str
count = lambda v: type(v) is int and v >= 0
texts = lambda v: type(v) is list and all(map(text, v))
hex64 = lambda v: text(v) and bool(re.fullmatch("[0-9a-f]{64}", v))
uuid = lambda v: text(v) and bool(re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", v))
is_person = lambda v: (type(v) is dict and {"issuer", "subject"} <= v.keys() <= {"issuer", "kind", "name", "subject"}
                       and all(map(text, v.values())))
def instant(nanoseconds, value):
    match = re.fullmatch(r"(.{19})(?:\.([0-9]{1,9}))?Z", value) if text(value) else None
    return nanoseconds(f"{match[1]}.{match[2] or '':0<9}Z") if match else None

def is_alternative(v):
    if type(v) is not dict or not v.keys() <= set("attested count escalate hours of per rule seconds".split()): return False
    later = v.get("escalate", {"after": 0, "of": ""})
    return (count(v.get("count")) and v["count"] > 0 and text(v.get("of")) and text(v.get("rule"))
            and v.get("per") in ("statement", "session", "window", "review") and v.get("attested", True) is True
            and text(v.get("hours", "")) and count(v.get("seconds", 0)) and type(later) is dict
            and later.keys() == {"after", "of"} and count(later["after"]) and text(later["of"]))
demands = lambda v: type(v) is list and all(type(one) is list and one and all(map(is_alternative, one)) for one in v)

def are_met(approve, approvers):
    """Whether a choice of alternatives and an assignment of approvers to them, each to one, meets all demands."""
    def takes(one, who):
        later = one.get("escalate")
        member = one["of"] in who.groups or (later and later["of"] in who.groups
                                             and who.after_ns >= later["after"] * 10**9)
        return member and (one.get("attested") or not who.attested)
    for chosen in itertools.islice(itertools.product(*approve), MAX_CHOICES):
        if sum(one["count"] for one in chosen) > len(approvers): continue
        places, taken = [one for one in chosen for _ in range(one["count"])], {}
        def seat(place, tried):
            for at, who in enumerate(approvers):
                if at in tried or not takes(places[place], who): continue
                tried.add(at)
                if at not in taken or seat(taken[at], tried):
                    taken[at] = place
                    return True
            return False
        if all(seat(place, set()) for place in range(len(places))): return True
    return False

def person(actor): return (actor.get("iss", ""), actor.get("sub", ""))
def stated_person(value): return (value["issuer"], value["subject"])
def same_text(recorded, stated):
    """The recorded text, or the beginning that the record could hold."""
    if recorded is None or stated is None: return recorded is stated
    length = len(json.dumps(recorded, ensure_ascii=False).encode()) - 2
    return recorded == stated or (stated.startswith(recorded) and length >= 1019)
def fits(resource, record):
    target = record.get("target", {}).get("resource")
    return resource is None or target is None or resource == target

class Results:
    """What the verification of all nodes came to; and the files under approvals/."""
    def __init__(self, directory):
        self.directory, self.given = directory, directory.kind("approvals") is not None
        self.verified = self.attested = self.unchecked = self.unseen = 0
        self.unjudged, self.warnings = set(), []
    def unexpected(self):
        if self.directory.kind("approvals") not in (None, "directory"): yield "approvals"
        for name, kind in self.directory.list("approvals"):
            if kind != "file" or not NAME.fullmatch(name): yield f"approvals/{name}"
    def read(self, id, extension, recorded):
        path = f"approvals/{id}.{extension}"
        data = self.directory.read(path)
        if data is None: raise Bad("approval-missing", f"{path} is absent")
        if len(data) > MAX_FILE: raise Bad("approval-mismatch", f"{path} is too long")
        if hashlib.sha256(data).hexdigest() != recorded: raise Bad("approval-mismatch", f"{path} has another SHA-256")
        return data
    def incomplete(self):
        if self.unchecked: yield f"approvals/ was not given; {self.unchecked} approval(s) are unchecked"
        if self.unseen: yield f"{self.unseen} record(s) about approvals depend on records that were not given"
        for kind in sorted(self.unjudged): yield f"signatures of {kind} keys cannot be judged here"
    def line(self):
        attested = f", {self.attested} attested by the gateway alone" if self.attested else ""
        return f"approvals: {self.verified} verified{attested}"

class Approvals:
    """What approvals depend on, of one node. `parse` reads canonical JSON or raises Bad."""
    def __init__(self, results, parse, nanoseconds):
        self.results, self.parse, self.nanoseconds = results, parse, nanoseconds
        self.partial, self.keys, self.requests, self.decisions = False, {}, {}, {}
        self.nonces, self.held, self.grants = set(), {}, {}
        time = lambda v: instant(nanoseconds, v) is not None
        people = lambda v: type(v) is list and all(map(is_person, v))
        self.statement = ({"approver": is_person, "decision": text, "id": uuid, "log": text, "method": text, "nonce": hex64,
                           "request": lambda v: type(v) is dict, "time": time, "type": lambda v: v == "custos.approval.v1"},
                          {"justification": text, "key": text})
        self.request = ({"approve": demands, "expires": time, "id": uuid, "kind": text, "policy": hex64, "requested": time,
                         "requester": is_person, "resource": text},
                        {"commit": hex64, "justification": text, "objects": texts, "on_behalf_of": people,
                         "operation": count, "rules": texts, "seconds": count, "session": uuid, "text": text,
                         "ticket": text, "uses": count, "verbs": texts})
    def observe(self, origin, index, record):
        """Code and message of what is wrong with the next record, or nothing."""
        follow = getattr(self, record["type"].replace(".", "_"), None)
        try:
            if follow: follow(origin, index, record)
        except Bad as bad: return bad.code, bad.message
        except Unseen: self.results.unseen += 1
        return None
    def unknown(self, code, message): return Unseen() if self.partial else Bad(code, message)
    def now(self, record): return self.nanoseconds(record["time"]["utc"])

    def approver_enrolled(self, origin, index, record):
        detail = record["detail"]
        self.keys[detail["key"], detail["issuer"], detail["subject"]] = detail
    def approver_revoked(self, origin, index, record):
        detail = record["detail"]
        key = (detail["key"], detail["issuer"], detail["subject"])
        self.keys.pop(key, None)
        for one in self.decisions.values():
            if (one.key, *one.approver) == key: one.revoked = True
    def request_opened(self, origin, index, record):
        detail, actor = record["detail"], record["actor"]
        id, number = detail["request"], detail.get("operation")
        if not uuid(id): raise Bad("record-schema", "detail.request is no UUID")
        known = lambda name: detail[name] if text(detail.get(name)) else None
        again, self.requests[id] = id in self.requests, Box(
            requester=person(actor), chain=[person(one) for one in actor.get("on_behalf_of", [])],
            resource=record.get("target", {}).get("resource"), commit=record.get("approval", {}).get("commit"),
            kind=detail["kind"], policy=known("policy"), session=known("session"),
            operation=number if count(number) else None, refused=False, used=False)
        if again: raise Bad("approval-reused", f"request {id} was opened before")
    def request_ended(self, origin, index, record):
        request = self.requests.get(record["detail"]["request"])
        if request: request.refused = record["detail"]["ending"] not in ("executed", "granted", "reviewed")
    def approval_voided(self, origin, index, record):
        decision = self.decisions.get(record["detail"]["approval"])
        if decision: decision.voided = True
    def grant_ended(self, origin, index, record):
        grant = self.grants.get(record["detail"]["request"])
        if grant: grant.ended = True

    def operation_intent(self, origin, index, record):
        if record.get("verdict", {}).get("effect") == "hold":
            self.held[record["sess"]["id"], record["op"]["n"]] = Box(
                commit=record["op"].get("commit"), policy=record["gw"]["policy"], approved=False)
        if "approval" not in record: return
        id = record["approval"]["id"]
        grant = self.grants.get(id)
        if not grant: raise self.unknown("grant-use", f"grant {id} has not begun")
        if grant.ended or (grant.until is not None and self.now(record) > grant.until + GRACE_NS): problem = "is over"
        elif grant.holder != person(record["actor"]): problem = "is somebody else's"
        elif not fits(grant.resource, record): problem = "is for another resource"
        else: return
        raise Bad("grant-use", f"grant {id} {problem}")
    def operation_outcome(self, origin, index, record):
        held = self.held.pop((record["sess"]["id"], record["op"]["n"]), None)
        ran = record["outcome"] != "denied" and record.get("reason") != SKIPPED
        if held and not held.approved and ran:
            raise Bad("approval-absent", "the operation was held, and ran without operation.approved")
    def session_end(self, origin, index, record):
        for one in [one for one in self.held if one[0] == record["sess"]["id"]]: del self.held[one]

    def operation_approved(self, origin, index, record):
        session, number = record["sess"]["id"], record["op"]["n"]
        id, commit = record["approval"]["id"], record["approval"].get("commit")
        held = self.held.get((session, number))
        if not held: raise self.unknown("approval-operation", "the operation was not held")
        held.approved = True
        if commit is None or held.commit != commit:
            raise Bad("approval-operation", "the commitment is not that of the intent")
        request = self.requests.get(id)
        if not request: raise self.unknown("approval-request", "no such request was opened")
        used, request.used = request.used, True
        self.check_request(request, "operation", record)
        # One whose client was sent away and came again is of no one session.
        place = (request.session, request.operation)
        if request.commit != commit or place not in ((session, number), (None, None)):
            raise Bad("approval-request", "the request is about another operation")
        if used: raise Bad("approval-reused", f"request {id} was used for an operation before")
        self.agreed(id, request, held.policy, record)
    def grant_started(self, origin, index, record):
        detail = record["detail"]
        id, kind = detail["request"], detail["kind"]
        if not uuid(id): raise Bad("record-schema", "detail.request is no UUID")
        again, self.grants[id] = id in self.grants, Box(
            holder=person(record["actor"]), resource=record.get("target", {}).get("resource"),
            until=instant(self.nanoseconds, detail["until"]), ended=False)
        if again: raise Bad("approval-reused", f"grant {id} began before")
        if kind == "break_glass":
            what = f"grant {id} of {record['actor']['name']} began, and nobody had agreed (break_glass)"
            return self.results.warnings.append(f"record {index} of {origin}: {what}")
        request = self.requests.get(id)
        if not request: raise self.unknown("approval-request", f"{id} was not asked for")
        self.check_request(request, kind, record)
        self.agreed(id, request, request.policy, record)
    def check_request(self, request, kind, record):
        if request.kind != kind: problem = "is of another kind"
        elif request.requester != person(record["actor"]): problem = "is somebody else's"
        elif not fits(request.resource, record): problem = "is for another resource"
        elif request.refused: problem = "had ended"
        else: return
        raise Bad("approval-request", f"the request {problem}")
    def agreed(self, id, request, policy, record):
        by, decisions = record.get("approval", {}).get("by", []), []
        if not by: raise Bad("approval-demand", "it names no approval")
        for one in by:
            decision = self.decisions.get(one)
            if not decision: raise self.unknown("approval-decision", f"there is no approval {one} before it")
            if decision.request != id or not decision.approves or decision.voided:
                raise Bad("approval-decision", f"approval {one} is none of this request")
            if not decision.human or decision.approver in [request.requester, *request.chain]:
                raise Bad("approval-approver", f"approval {one} is by somebody who does not count")
            if decision.approver in [other.approver for other in decisions]:
                raise Bad("approval-approver", f"approval {one} is a second one by the same person")
            if decision.revoked: raise Bad("approval-key", f"the key of approval {one} was revoked")
            decisions.append(decision)
        stated = [one.stated for one in decisions if one.stated]
        if not stated: return
        if len({json.dumps(one, sort_keys=True) for one in stated}) > 1:
            raise Bad("approval-statement", "the statements are about different requests")
        if policy is not None and stated[0]["policy"] != policy:
            raise Bad("approval-statement", "the statements are about another policy")
        if instant(self.nanoseconds, stated[0]["expires"]) <= self.now(record):
            raise Bad("approval-expired", "the request had expired")
        requested = instant(self.nanoseconds, stated[0]["requested"])
        approvers = [Box(groups=one.groups, attested=one.attested, after_ns=one.time - requested) for one in decisions]
        if not stated[0]["approve"] or not are_met(stated[0]["approve"], approvers):
            raise Bad("approval-demand", "those who agreed are not those whom the request needs")

    def approval_decided(self, origin, index, record):
        detail, actor = record["detail"], record["actor"]
        id = detail["approval"]
        if not uuid(id) or not uuid(detail["request"]): raise Bad("record-schema", "an id of detail is no UUID")
        if id in self.decisions: raise Bad("approval-reused", f"approval {id} was decided before")
        key = detail["key"] if text(detail.get("key")) else None
        decision = self.decisions[id] = Box(
            request=detail["request"], approves=detail["decision"] == "approve", approver=person(actor),
            attested=detail["method"] == "attested", human=actor["kind"] == "human", groups=actor.get("groups", []), key=key, time=self.now(record),
            voided=False, revoked=False, stated=None)
        if not self.results.given:
            self.results.unchecked += 1
            return
        data = self.results.read(id, "json", detail["statement_sha256"])
        self.stated(decision, id, origin, record, data)
        self.signed(decision, id, detail, data)
    def members(self, value, shape):
        required, optional = shape
        for key in value:
            if key not in required and key not in optional: raise Bad("approval-malformed", f"unknown member {key}")
        for key, fits in [*required.items(), *optional.items()]:
            if (key in required or key in value) and not fits(value.get(key)):
                raise Bad("approval-malformed", f"{key} is not as it should be")
    def stated(self, decision, id, origin, record, data):
        try: value = self.parse(data)
        except Bad as bad: raise Bad("approval-malformed", bad.message)
        self.members(value, self.statement)
        stated, detail = value["request"], record["detail"]
        self.members(stated, self.request)
        node = lambda origin: origin.rpartition("/")[0] or None
        word = "ok" if decision.approves else "denied"
        recorded_why = detail["justification"] if text(detail.get("justification")) else None
        compared = {
            "id": value["id"] == id, "approver": stated_person(value["approver"]) == decision.approver,
            "decision": value["decision"] == detail["decision"] and record["outcome"] == word,
            "justification": same_text(recorded_why, value.get("justification")),
            "method": value["method"] == detail["method"], "key": value.get("key") == decision.key,
            "log": node(value["log"]) == node(origin), "request.id": stated["id"] == decision.request}
        for name, equal in compared.items():
            if not equal: raise Bad("approval-statement", f"{name} of the statement is not what is recorded")
        request = self.requests.get(decision.request)
        if not request: raise self.unknown("approval-request", f"{decision.request} was not asked for")
        chain = [stated_person(one) for one in stated.get("on_behalf_of", [])]
        compared = {
            "kind": stated["kind"] == request.kind, "requester": stated_person(stated["requester"]) == request.requester,
            "on_behalf_of": chain[:len(request.chain)] == request.chain,
            "resource": request.resource in (None, stated["resource"]), "commit": stated.get("commit") == request.commit,
            "session": stated.get("session") == request.session,
            "operation": stated.get("operation") == request.operation,
            "policy": request.policy in (None, stated["policy"])}
        for name, equal in compared.items():
            if not equal: raise Bad("approval-statement", f"request.{name} of the statement is not what was asked for")
        if value["nonce"] in self.nonces: raise Bad("approval-reused", "the nonce is that of another statement")
        self.nonces.add(value["nonce"])
        decision.stated = stated
    def signed(self, decision, id, detail, data):
        if decision.attested and decision.key is None:
            self.results.attested += 1
            return
        enrolled = self.keys.get((decision.key, *decision.approver))
        if not enrolled: raise self.unknown("approval-key", f"{decision.key} is not enrolled for this approver")
        if enrolled["method"] != detail["method"]: raise Bad("approval-key", f"{decision.key} is enrolled for another method")
        extension = "sshsig" if detail["method"] == "ssh" else "webauthn.json"
        signature = self.results.read(id, extension, detail.get("signature_sha256"))
        try: approver_keys.verify(enrolled, decision.key, data, signature)
        except approver_keys.Wrong as wrong: raise Bad(wrong.code, wrong.message)
        except approver_keys.Unknown as unknown: self.results.unjudged.add(str(unknown))
        else: self.results.verified += 1
