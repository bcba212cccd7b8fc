#!/usr/bin/env python3
"""Verifies a directory of Custos evidence: docs/evidence-format.md as an executable specification.

Python 3.9 or later, signed_note.py, approvals.py and approver_keys.py beside it, and nothing else. It was written from the specification, shares no code
with the gateway, and opens only files under DIR and those named, and no socket.
Exit: 0 pass, 6 bad, 7 incomplete, 2 usage, 1 own trouble.
"""
import argparse, base64, datetime, functools, hashlib, json, os, re, stat, sys
from types import SimpleNamespace as Box

from approvals import Approvals, Results
from signed_note import Bad, b64, open_note, read_key

# ---- The checkpoint (section 2)
def read_checkpoint(data, keys, origin):
    text, key = open_note(data, keys)
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not re.fullmatch("0|[1-9][0-9]{0,19}", lines[1]):
        raise Bad("checkpoint-malformed", "not origin, size, root")
    try: root = b64(lines[2])
    except ValueError: root = b""
    if len(root) != 32: raise Bad("checkpoint-malformed", "not origin, size, root")
    if lines[0] != origin or not origin.startswith(key.name + "/"):
        raise Bad("checkpoint-origin", f"it is of {lines[0]}, signed by {key.name}")
    if lines[1] == "0": raise Bad("log-open", "the log is empty")
    return Box(origin=origin, size=int(lines[1]), root=root)

# ---- Files: only regular ones, reached through directories alone
class Directory:
    def __init__(self, root): self.root, self.proven = root, {""}
    def kind(self, path):
        try: mode = os.lstat(os.path.join(self.root, path)).st_mode
        except FileNotFoundError: return None
        return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "special"
    def is_directory(self, path):
        if path in self.proven: return True
        if not self.is_directory(path.rpartition("/")[0]) or self.kind(path) != "directory": return False
        if len(self.proven) > 10000: self.proven = {""}
        self.proven.add(path)
        return True
    def read(self, path):
        if not self.is_directory(path.rpartition("/")[0]) or self.kind(path) != "file": return None
        with open(os.path.join(self.root, path), "rb") as file: return file.read()
    def list(self, path):
        """Name and kind of each entry, without what the writer may leave half written."""
        names = sorted(os.listdir(os.path.join(self.root, path))) if self.is_directory(path) else []
        items = [(name, self.kind(f"{path}/{name}")) for name in names]
        return [(name, kind) for name, kind in items if not (kind == "file" and name.endswith(".tmp"))]

# ---- The tree (RFC 6962 section 2.1, C2SP tlog-tiles)
def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()

def root_over(row):
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [sha256(b"\1", row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)] + odd
    return row[0] if row else sha256()

def edge_root(edge):
    carried = []
    for row in edge: carried = [root_over(row + carried)] if row + carried else []
    return root_over(carried)

def tile_path(level, number, width):
    name = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        name = f"x{number % 1000:03}/{name}"
    return f"tile/{level}/{name}" + (f".p/{width}" if width < 256 else "")

def is_tile_path(path):
    match = re.fullmatch(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?", path)
    if not match or (match[1] != "entries" and int(match[1]) > 63): return False
    width, number = int(match[3] or 256), int(re.sub("[x/]", "", match[2]))
    level = match[1] if match[1] == "entries" else int(match[1])
    return 1 <= width <= 256 and tile_path(level, number, width) == path

def first_difference(a, b): return next(i for i, pair in enumerate(zip(a, b)) if pair[0] != pair[1])

class Tree:
    """Grows one tree from the records and one from the tiles; the signed root tells which of them is genuine."""
    def __init__(self, directory, checkpoint):
        self.directory, self.checkpoint = directory, checkpoint
        self.records, self.tiles = [[]], [[]]
        self.broken, self.bad_tiles, self.bad_children, self.leaves_lost = [], [], [], False
    def read(self, level, number, width):
        """The file's path and content, or of the full one in place of an absent partial."""
        for whole in (True, False):
            path = tile_path(level, number, width if whole else 256)
            data = self.directory.read(f"logs/{self.checkpoint.origin}/{path}")
            if data is not None: return path, data, whole
        return tile_path(level, number, width), None, True
    def bundle(self, first, width):
        path, data, whole = self.read("entries", first // 256, width)
        if data is None:
            self.broken.append(("entries-missing", path, "the bundle is absent"))
            return []
        entries, at = [], 0
        while len(entries) < width and at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at:at + 2], "big")
            if end > len(data): break
            entries.append(data[at + 2:end])
            at = end
        if len(entries) < width:
            self.broken.append(("entries-malformed", (first + len(entries), None), f"{path} ends before it does"))
        elif whole and at < len(data):
            self.broken.append(("entries-malformed", path, f"{len(data) - at} bytes follow the last record"))
        return entries
    def tile(self, level, number, width):
        path, data, whole = self.read(level, number, width)
        if data is None: self.broken.append(("tile-missing", path, "the tile is absent"))
        elif len(data) != 32 * (width if whole else 256):
            self.broken.append(("tile-malformed", path, "the tile has the wrong length"))
        else: return path, [data[i:i + 32] for i in range(0, 32 * width, 32)]
        return path, None
    def push(self, first, width, entries, leaves):
        path, hashes = self.tile(0, first // 256, width)
        if hashes is not None:
            leaves = leaves + hashes[len(leaves):]
            if hashes != leaves:
                self.bad_tiles.append(("tile-mismatch", path, "the records hash to the signed root, not this tile"))
                i = first_difference(hashes, leaves)
                what = f"the record does not have the hash that {path} holds"
                self.bad_children.append(("tile-mismatch", (first + i, entries[i]), what))
        elif len(leaves) < width:
            self.leaves_lost = True
            leaves = leaves + [bytes(32)] * (width - len(leaves))
        self.grow(0, first // 256, leaves, leaves if hashes is None else hashes)
    def grow(self, level, number, by_records, by_tile):
        if len(self.records) < level + 2: self.records.append([]), self.tiles.append([])
        full = len(by_records) == 256
        self.records[level], self.tiles[level] = ([], []) if full else (by_records, by_tile)
        if not full: return
        self.records[level + 1].append(root_over(by_records))
        self.tiles[level + 1].append(root_over(by_tile))
        if len(self.records[level + 1]) == 256:
            above = self.compare(level + 1, number // 256, self.records[level + 1], self.tiles[level + 1])
            self.grow(level + 1, number // 256, self.records[level + 1], above)
    def compare(self, level, number, by_records, by_children):
        path, hashes = self.tile(level, number, len(by_records))
        if hashes is None: return by_children
        if hashes != by_records:
            self.bad_tiles.append(("tile-mismatch", path, "the records hash to the signed root, not this tile"))
        if hashes != by_children:
            child = tile_path(level - 1, number * 256 + first_difference(hashes, by_children), 256)
            self.bad_children.append(("tile-mismatch", child, f"it does not hash to what {path} holds"))
        return hashes
    def finish(self):
        for level in range(1, len(self.records)):
            if self.records[level]:
                number = (self.checkpoint.size >> 8 * level) // 256
                self.tiles[level] = self.compare(level, number, self.records[level], self.tiles[level])
        if edge_root(self.records) == self.checkpoint.root: return self.broken + self.bad_tiles
        found = self.broken + self.bad_children
        if not self.leaves_lost and (not self.bad_children or edge_root(self.tiles) != self.checkpoint.root):
            found.append(("root-mismatch", "checkpoint", "the records do not hash to the signed root"))
        return found

# ---- One record (section 3)
OPERATION = {"operation.intent", "operation.approved", "operation.outcome", "operation.error", "operation.transfer"}
SESSION = OPERATION | {"session.start", "session.end", "segment.closed"}
TYPES = SESSION | set("""log.open log.close log.heartbeat node.start node.stop config.changed evidence.failed
    evidence.recovered connection.refused login.failed session.denied cancel.requested credential.issued
    credential.revoked certificate.issued resource.added resource.removed recording.read
    issuer.keys sign_in.started sign_in.failed sign_in.changed sign_in.unchecked sign_in.ended authorization.granted authorization.refused
    authorization.revoked provisioning.changed provisioning.refused
    administrator.offered administrator.claimed administrator.removed finding.standing
    request.opened request.justified request.notified request.viewed request.escalated request.ended
    approval.decided approval.refused approval.voided grant.started grant.ended review.overdue
    approver.requested approver.enrolled approver.revoked""".split())
NEEDS_ACTOR = {"request.opened", "approval.decided", "grant.started"}
DETAILS = {"request.opened": "kind request", "request.ended": "ending request", "approval.voided": "approval request",
           "approval.decided": "approval decision method request statement_sha256", "grant.started": "kind request until",
           "grant.ended": "request", "approver.enrolled": "issuer key method public_key subject",
           "approver.revoked": "issuer key subject"}
RECOVERY = set("session.end segment.closed evidence.failed evidence.recovered node.start log.open log.close".split())
text = lambda v: type(v) is str
count = lambda v: type(v) is int and v >= 0
boolean = lambda v: type(v) is bool
HEX64, UUID = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UTC = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{9})Z")
DECIMAL = re.compile("0|[1-9][0-9]{0,19}")
digest = lambda v: text(v) and bool(HEX64.fullmatch(v))
uuid = lambda v: text(v) and bool(UUID.fullmatch(v))
one_of = lambda *words: lambda v: text(v) and v in words
array = lambda check: lambda v: type(v) is list and all(map(check, v))
def shape(required, optional={}):
    def check(value):
        if type(value) is not dict: return False
        for key, test in required.items():
            if key not in value or not test(value[key]): return False
        for key, test in optional.items():
            if key in value and not test(value[key]): return False
        return True
    return check

@functools.lru_cache(maxsize=8)
def nanoseconds(utc):
    match = UTC.fullmatch(utc) if text(utc) else None
    if not match: return None
    year, month, day, hour, minute, second, fraction = map(int, match.groups())
    try: days = datetime.date(year, month, day).toordinal()
    except ValueError: return None
    if hour > 23 or minute > 59 or second > 59: return None
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 10**9 + fraction
def is_hash(value):
    try: return text(value) and len(b64(value)) == 32
    except ValueError: return False
def actor(value): return ACTOR(value)
ACTOR = shape({"iss": text, "name": text, "sub": text,
               "kind": one_of("human", "workload", "agent", "operator", "unknown")},
              {"groups": array(text), "on_behalf_of": array(actor)})
PREVIOUS = shape({"origin": text, "root": is_hash, "size": count})
MEMBERS = {
    "v": lambda v: type(v) is int and v == 1, "id": lambda v: uuid(v) and v[14] == "7" and v[19] in "89ab",
    "type": lambda v: text(v) and v in TYPES, "reason": text,
    "time": shape({"boot": uuid, "utc": lambda v: nanoseconds(v) is not None,
                   "mono_ns": lambda v: text(v) and bool(DECIMAL.fullmatch(v)) and int(v) < 2**64}),
    "outcome": one_of("ok", "denied", "failed", "interrupted", "pending"), "actor": actor,
    "gw": shape({"build": text, "node": text, "config": digest, "policy": digest}),
    "src": shape({"ip": text, "port": lambda v: count(v) and v < 65536}, {"client": text, "tls": text}),
    "target": shape({"resource": text}, dict.fromkeys(("protocol", "addr", "account", "database", "tls"), text)),
    "sess": shape({"id": uuid, "n": count}),
    "op": shape({"n": count}, {**dict.fromkeys(("verb", "effect", "text", "error", "sqlstate"), text),
                               **dict.fromkeys(("text_bytes", "parameters", "rows", "bytes"), count),
                               "text_truncated": boolean, "objects": array(text), "commit": digest}),
    "approval": shape({"id": uuid}, {"commit": digest, "by": array(uuid)}),
    "mask": shape({}, {"rules": array(text), "fields": count, "count": count}),
    "verdict": shape({"effect": one_of("allow", "deny", "hold"), "rules": array(text)}),
    "body": shape({"segment": count}, {"recovered": boolean}),
    "detail": lambda v: (type(v) is dict and all(type(x) in (str, int, bool) for x in v.values())
                         and type(v.get("unfinished", 0)) is int),
    "log": shape({"origin": text}, {"previous": PREVIOUS}),
}
SEGMENT = shape({"bytes": count, "lines": count, "sha256": digest})
class Numbers:
    odd = False
    @classmethod
    def float(cls, text):
        if abs(float(text)) == float("inf"): raise ValueError("too large")
        cls.odd = True
    @classmethod
    def int(cls, text):
        number = int(text)
        if abs(number) > 2**53: cls.odd = True
        return number
def constant(name): raise ValueError(name)
DECODER = json.JSONDecoder(parse_float=Numbers.float, parse_int=Numbers.int, parse_constant=constant)
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
PLAIN_KEYS = set()

def odd_keys(record):
    """Keys that are not plain, at any depth; refuses what is nested too deep."""
    odd, stack = [], [(record, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > 16: raise ValueError("nested more than 16 deep")
        if type(value) is dict:
            if not PLAIN_KEYS >= value.keys():
                odd += [key for key in value if not re.fullmatch("[a-z0-9_]+", key)]
                if not odd and len(PLAIN_KEYS) < 1000: PLAIN_KEYS.update(value)
            value = value.values()
        stack += [(one, depth + 1) for one in value if type(one) in (dict, list)]
    return odd

def parse_canonical(data):
    Numbers.odd = False
    try:
        record = DECODER.decode(data.decode("utf-8"))
        if type(record) is not dict: raise ValueError("not an object")
        odd = odd_keys(record)
        canonical = ENCODER.encode(record).encode("utf-8")
    except (ValueError, RecursionError) as error: raise Bad("record-malformed", f"not a JSON object: {error}")
    if Numbers.odd: raise Bad("record-not-canonical", "a number is not an integer within 2^53")
    if canonical != data: raise Bad("record-not-canonical", "its bytes are not its canonical form")
    if odd: raise Bad("record-schema", f"odd keys {odd}")
    return record

def check_record(data):
    record = parse_canonical(data)
    for key, value in record.items():
        if key not in MEMBERS: raise Bad("record-schema", f"unknown member {key}")
        if not MEMBERS[key](value): raise Bad("record-schema", f"{key} is not as it should be")
    kind = record.get("type")
    needed = ["v", "id", "type", "time", "outcome", "gw"] + ["sess", "actor", "src", "target"] * (kind in SESSION)
    needed += ["op"] * (kind in OPERATION) + ["approval"] * (kind == "operation.approved") + ["log"] * (kind in ("log.open", "log.close"))
    for key in needed + ["actor"] * (kind in NEEDS_ACTOR):
        if key not in record: raise Bad("record-schema", f"{kind} without {key}")
    for key in DETAILS.get(kind, "").split():
        if not text(record.get("detail", {}).get(key)): raise Bad("record-schema", f"{kind} without detail.{key}")
    for key in ("sess", "log"):
        if key in record and key not in needed: raise Bad("record-schema", f"{kind} with {key}")
    if kind == "log.open" and not text(record["log"].get("key")): raise Bad("record-schema", "log.key is missing")
    if kind == "segment.closed" and not SEGMENT(record.get("body")): raise Bad("record-schema", "body is not whole")
    return record

def describe(data):
    """Type, session and number of a record, as far as it can be read."""
    try: record = DECODER.decode((data or b"").decode("utf-8"))
    except (ValueError, RecursionError): return ""
    record = record if type(record) is dict else {}
    kind, session = record.get("type"), record.get("sess")
    if not MEMBERS["type"](kind): return ""
    return f" ({kind}, session {session['id']}, n {session['n']})" if MEMBERS["sess"](session) else f" ({kind})"

# ---- Records in order, across the logs of one node (sections 2 and 3)
class Sequence:
    def __init__(self, taking_up=False, closed=False):
        self.sessions, self.before, self.held = {}, None, None
        self.recovering, self.taking_up, self.closed = False, taking_up, closed
    def observe(self, origin, index, record):
        """Yields (index, code, message) for what is wrong with the record at its place."""
        kind, time = record["type"], record["time"]
        utc, mono = nanoseconds(time["utc"]), int(time["mono_ns"])
        own = record.get("log", {}).get("origin", origin) == origin
        if (kind == "log.open") != (index == 0): yield index, "log-open", "log.open is first, and only there"
        elif kind == "log.open" and not own: yield index, "log-open", "it opens another log"
        if self.closed: yield index, "log-close", "a record after log.close"
        if kind == "log.close":
            if not own: yield index, "log-close", "it closes another log"
            self.closed = True
        if self.held and kind != "node.start": yield from self.held
        self.held = None
        if self.before:
            before_kind, before_boot, before_mono, before_utc = self.before
            unless_start = []
            if time["boot"] != before_boot:
                unless_start.append((index, "time-order", "boot changes without node.start"))
            elif mono < before_mono: yield index, "time-order", "mono_ns runs backwards"
            silence = utc - before_utc
            if silence > 90 * 10**9 and before_kind not in ("node.stop", "log.close"):
                unless_start.append((index, "heartbeat-gap", f"{silence // 10**9} s since the record before"))
            if kind == "log.open": self.held = unless_start
            elif kind != "node.start": yield from unless_start
        self.before = (kind, time["boot"], mono, utc)
        if kind == "node.start":
            self.recovering = True
            for session in self.sessions.values(): session.interrupted = True
        if self.recovering and kind not in RECOVERY:
            self.recovering = self.taking_up = False
            stale = sorted(one for one, session in self.sessions.items() if session.interrupted)
            for one in stale: del self.sessions[one]
            if stale:
                what = f"{len(stale)} session(s) from before node.start are open, as {stale[0]}"
                yield index, "session-open-after-restart", what
        if "sess" in record: yield from self.in_session(index, record, **record["sess"])
    def in_session(self, index, record, id, n, **_):
        kind, started = record["type"], id in self.sessions
        if kind == "session.start":
            if n or started: yield index, "session-order", "session.start is not the session's first record"
            day = record["time"]["utc"][:10].replace("-", "/")
            self.sessions[id] = Box(day=day, n=1, op=1, pending=set(), segment=0, interrupted=False)
            return
        if n == 0 or not (self.taking_up or started): yield index, "session-order", "no session.start before it"
        new = Box(day=None, n=n, op=None, pending=set(), segment=None, interrupted=False)
        session = self.sessions.setdefault(id, new)
        if n != session.n: yield index, "session-order", f"n is {n} where {session.n} is next"
        session.n, op = n + 1, record.get("op", {}).get("n", 0)
        if kind == "operation.intent":
            expected = op if session.op is None else session.op
            if op != expected or op == 0 or op in session.pending:
                yield index, "operation-order", f"intent {op} where {expected} is next"
            session.op = op + 1
            session.pending.add(op)
        elif kind in ("operation.approved", "operation.outcome", "operation.transfer"):
            unseen = session.day is None and (session.op is None or op < session.op)
            if op not in session.pending and not unseen:
                yield index, "operation-order", f"{kind} of {op}, which has no open intent"
            if kind == "operation.outcome": session.pending.discard(op)
        elif kind == "operation.error" and op: yield index, "operation-order", "op.n of an error is not 0"
        elif kind == "segment.closed":
            number = record["body"]["segment"]
            if session.segment not in (None, number):
                yield index, "segment-order", f"segment {number} where {session.segment} is next"
            session.segment = number + 1
        elif kind == "session.end" and session.day is not None:
            unfinished, open_count = record.get("detail", {}).get("unfinished", 0), len(session.pending)
            if unfinished != open_count:
                yield index, "operation-order", f"unfinished is {unfinished}, but {open_count} intents are open"

# ---- The whole directory (section 5)
class Verifier:
    def __init__(self, directory, keys, heads):
        self.directory, self.keys, self.heads = Directory(directory), keys, heads
        self.found, self.files, self.rollbacks, self.incomplete = [], [], [], []
        self.all_read, self.unchecked, self.seen = True, 0, {}
        self.approvals = Results(self.directory)
    def unexpected(self, path): self.files.append(("unexpected-file", path, "it has no place in the layout"))
    def entries(self, path, pattern):
        names = []
        for name, kind in self.directory.list(path):
            if kind == "directory" and re.fullmatch(pattern, name): names.append(name)
            else: self.unexpected(f"{path}/{name}")
        return names
    def walk_tiles(self, top, path):
        for name, kind in self.directory.list(f"{top}/{path}"):
            below = f"{path}/{name}"
            if kind == "directory" and below.count("/") <= 9: self.walk_tiles(top, below)
            elif kind != "file" or not is_tile_path(below): self.unexpected(f"{top}/{below}")
    def find_logs(self):
        name, logs = "[a-z0-9][a-z0-9.-]{0,62}", {}
        if self.directory.kind("logs") not in (None, "directory"): self.unexpected("logs")
        for node in [f"{c}/{n}" for c in self.entries("logs", name) for n in self.entries(f"logs/{c}", name)]:
            for month in self.entries(f"logs/{node}", "[0-9]{4}-(0[1-9]|1[0-2])"):
                top = f"logs/{node}/{month}"
                for item in self.directory.list(top):
                    if item == ("tile", "directory"): self.walk_tiles(top, "tile")
                    elif item != ("checkpoint", "file"): self.unexpected(f"{top}/{item[0]}")
                logs.setdefault(node, []).append(f"{node}/{month}")
        return dict(sorted(logs.items()))
    def find_segments(self):
        self.days, self.given = {}, self.directory.kind("segments") is not None
        if self.directory.kind("segments") not in (None, "directory"): self.unexpected("segments")
        for year in self.entries("segments", "[0-9]{4}"):
            for month in self.entries(f"segments/{year}", "[0-9]{2}"):
                for day in self.entries(f"segments/{year}/{month}", "[0-9]{2}"):
                    path = f"segments/{year}/{month}/{day}"
                    if nanoseconds(f"{year}-{month}-{day}T00:00:00.000000000Z") is None: self.unexpected(path)
                    else:
                        for session in self.entries(path, UUID.pattern):
                            self.days.setdefault(session, {})[path[9:]] = False
    def segment_files(self, path):
        for name, kind in self.directory.list(path):
            match = re.fullmatch(r"([0-9]{4,19})\.jsonl\.zst", name)
            if kind == "file" and match and f"{int(match[1]):04}" == match[1]: yield int(match[1]), f"{path}/{name}"
            else: self.unexpected(f"{path}/{name}")
    def session_day(self, id, day): return day or min(self.days.get(id, {}), default=None)
    def check_segment(self, id, day, body):
        day = self.session_day(id, day)
        path = f"segments/{day}/{id}/{body['segment']:04}.jsonl.zst"
        data = self.directory.read(path) if day else None
        if data is None: return "segment-missing", f"{path} is absent"
        if len(data) == body["bytes"] and hashlib.sha256(data).hexdigest() == body["sha256"]: return None
        return "segment-mismatch", f"{path} has another length or SHA-256"
    def end_session(self, id, session, limit):
        day = self.session_day(id, session.day)
        if day is None: return
        if day in self.days.get(id, {}): self.days[id][day] = True
        for number, path in self.segment_files(f"segments/{day}/{id}"):
            if limit is not None and number >= limit:
                self.files.append(("segment-unknown", path, "no record names this segment"))
    def leave_open(self, origin, node):
        sessions = node.sequence.sessions
        if sessions: self.incomplete.append(f"{len(sessions)} session(s) still open at the end of {origin}")
        for id in sorted(sessions): self.end_session(id, sessions[id], None)
    def lose_track(self, node):
        node.sequence = Sequence(taking_up=True, closed=node.sequence.closed)
        node.approvals.partial = True

    def log(self, origin, node):
        note = self.directory.read(f"logs/{origin}/checkpoint")
        try:
            if note is None: raise Bad("checkpoint-missing", "the log has no checkpoint")
            if len(note) > 10**6: raise Bad("checkpoint-malformed", "it is too long")
            checkpoint = read_checkpoint(note, self.keys, origin)
        except Bad as bad:
            self.found.append((origin, bad.code, "checkpoint", bad.message))
            self.all_read, node.tail = False, None
            return self.lose_track(node)
        tree, wrong, head = Tree(self.directory, checkpoint), [], self.heads.get(origin)
        node.sequence.closed, node.sequence.held = False, None
        if head and head["size"] > checkpoint.size:
            self.rollback(origin, f"{checkpoint.size} records, but {head['size']} before")
        for first in range(0, checkpoint.size, 256):
            width = min(256, checkpoint.size - first)
            entries = tree.bundle(first, width)
            leaves = [sha256(b"\0", entry) for entry in entries]
            if head and first < head["size"] <= first + len(leaves):
                if edge_root([leaves[:head["size"] - first]] + tree.records[1:]) != b64(head["root"]):
                    self.rollback(origin, f"its first {head['size']} records are not those seen before")
            tree.push(first, width, entries, leaves)
            for index, data in enumerate(entries, first):
                try: record = check_record(data)
                except Bad as bad:
                    wrong.append((bad.code, (index, data), bad.message))
                    self.all_read = False
                    self.lose_track(node)
                else:
                    for at, code, what in self.record(origin, node, index, record):
                        wrong.append((code, (at, data if at == index else entries[0]), what))
            if len(entries) < width:
                self.all_read = False
                self.lose_track(node)
        node.tail = Box(closed=node.sequence.closed, **vars(checkpoint))
        self.seen[origin] = {"root": base64.b64encode(checkpoint.root).decode(), "size": checkpoint.size}
        both = tree.finish() + wrong
        both.sort(key=lambda one: one[1][0] if type(one[1]) is tuple else 2**64)
        self.found += [(origin, *one) for one in both]
    def record(self, origin, node, index, record):
        if index == 0: yield from self.opening(origin, node, record)
        yield from node.sequence.observe(origin, index, record)
        problem = node.approvals.observe(origin, index, record)
        if problem: yield (index, *problem)
        if record["type"] not in ("segment.closed", "session.start", "session.end"): return
        id = record["sess"]["id"]
        session = node.sequence.sessions[id]
        if record["type"] == "session.start":
            if session.day in self.days.get(id, {}): self.days[id][session.day] = True
        elif record["type"] == "session.end": self.end_session(id, node.sequence.sessions.pop(id), session.segment)
        elif not self.given: self.unchecked += 1
        else:
            problem = self.check_segment(id, session.day, record["body"])
            if problem: yield (index, *problem)
    def opening(self, origin, node, record):
        if record["type"] != "log.open":
            if not node.tail: self.lose_track(node)
            return
        if record["log"]["key"] not in [key.text for key in self.keys]:
            yield 0, "log-open", "log.key is not a pinned key"
        previous, name = record["log"].get("previous"), origin.rpartition("/")[0]
        earlier = max((one for one in self.given_logs if one.rpartition("/")[0] == name and one < origin), default="")
        broken = None
        if previous is None: broken = f"no log.previous, but there is {earlier}" if earlier else None
        elif previous["origin"].rpartition("/")[0] != name or previous["origin"] >= origin:
            broken = "log.previous is no earlier log of this node"
        elif earlier > previous["origin"]: broken = f"log.previous is {previous['origin']}, but there is {earlier}"
        elif previous["origin"] not in self.given_logs:
            self.incomplete.append(f"{previous['origin']}, which {origin} continues, was not given")
            self.leave_open(node.tail.origin if node.tail else origin, node)
            self.lose_track(node)
        elif not node.tail or node.tail.origin != previous["origin"]: self.lose_track(node)
        elif (node.tail.size, node.tail.root) != (previous["size"], b64(previous["root"])):
            broken = f"log.previous is not the head of {earlier}"
        elif not node.tail.closed: broken = f"{earlier} does not end with log.close"
        if broken:
            yield 0, "log-link", broken
            if not node.tail: self.lose_track(node)
    def rollback(self, origin, what): self.rollbacks.append((origin, "rollback", "checkpoint", what))

    def run(self):
        logs = self.find_logs()
        self.given_logs = {origin for origins in logs.values() for origin in origins}
        self.find_segments()
        for origins in logs.values():
            approvals = Approvals(self.approvals, parse_canonical, nanoseconds)
            node = Box(sequence=Sequence(), approvals=approvals, tail=None)
            for origin in origins: self.log(origin, node)
            if node.tail: self.leave_open(node.tail.origin, node)
        if not logs: self.found.append((None, "checkpoint-missing", "logs", "there is no log in the directory"))
        absent = sorted({key.name for key in self.keys} - set(logs))
        self.incomplete += [f"no log of {name} was given" for name in absent]
        if self.unchecked: self.incomplete.append(f"segments/ was not given; {self.unchecked} segment(s) are unchecked")
        unknown = sorted((id, day) for id, days in self.days.items() for day, known in days.items() if not known)
        for id, day in unknown if self.all_read else []:
            for _, path in list(self.segment_files(f"segments/{day}/{id}"))[:1]:
                self.files.append(("segment-unknown", path, "no record knows this session on this day"))
        self.incomplete += self.approvals.incomplete()
        for path in self.approvals.unexpected(): self.unexpected(path)
        for origin in sorted(set(self.heads) - self.given_logs):
            self.rollback(origin, "the log is absent, but was there before")
        self.found += [(None, *one) for one in self.files] + self.rollbacks

def line(origin, code, place, message):
    name = place if type(place) is str else f"record {place[0]}"
    named = name + (f" of {origin}" if origin else "") + (describe(place[1]) if type(place) is tuple else "")
    return re.sub("[^ -~]", "?", f"FAIL {named}: {code}: {message}")

def load_heads(path):
    if not path or not os.path.exists(path): return {}
    with open(path, encoding="utf-8") as file: value = json.load(file)
    if value["v"] != 1 or not all(PREVIOUS({"origin": key, **head}) for key, head in value["heads"].items()):
        raise ValueError(f"{path} is not a file of remembered heads")
    return value["heads"]

def main():
    parser = argparse.ArgumentParser(description="Verify a directory of Custos evidence, offline.")
    parser.add_argument("directory")
    parser.add_argument("--key", action="append", default=[], help="a verifier key you trust; not the one in DIR/keys")
    parser.add_argument("--key-file", action="append", default=[], help="a file of such keys")
    parser.add_argument("--remember", help="compare with the heads in this file, and write them when nothing is bad")
    options = parser.parse_args()
    try:
        texts = list(options.key)
        for path in options.key_file:
            with open(path, encoding="utf-8") as file: texts += filter(None, file.read().split("\n"))
        if not texts: parser.error("no verifier key was given; use the one the gateway's operator gave you, not DIR's")
        try: keys = [read_key(one) for one in texts]
        except ValueError as error: parser.error(f"not a verifier key: {error}")
        os.listdir(options.directory)
        verifier = Verifier(options.directory, keys, load_heads(options.remember))
        verifier.run()
        for one in verifier.found[:21]: print(line(*one))
        if verifier.found[21:]: print(f"and {len(verifier.found) - 21} more")
        for one in verifier.incomplete: print(f"INCOMPLETE {one}")
        warnings = verifier.approvals.warnings
        for one in warnings[:21]: print(re.sub("[^ -~]", "?", f"WARNING {one}"))
        if warnings[21:]: print(f"WARNING and {len(warnings) - 21} more")
        if options.remember and not verifier.found:
            with open(options.remember + ".tmp", "w", encoding="utf-8") as file:
                json.dump({"heads": {**verifier.heads, **verifier.seen}, "v": 1}, file)
            os.replace(options.remember + ".tmp", options.remember)
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    records = sum(head["size"] for head in verifier.seen.values())
    verdict, code = ("FAIL", 6) if verifier.found else ("INCOMPLETE", 7) if verifier.incomplete else ("PASS", 0)
    print(verifier.approvals.line())
    print(f"{verdict}: {len(verifier.seen)} log(s), {records} records")
    return code

if __name__ == "__main__":
    sys.exit(main())
