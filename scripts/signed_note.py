"""Signed notes (C2SP signed-note) with Ed25519 keys, for verify.py beside it. Python 3.9 or later and nothing else."""
import base64, hashlib, re
from types import SimpleNamespace as Box

# ---- Ed25519, RFC 8032 section 5.1 (verification only; no secret is touched, so it need not run in constant time)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def decompress(data):
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    if y >= P: return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or (x == 0 and sign): return None
    if x & 1 != sign: x = P - x
    return (x, y, 1, x * y % P)

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)

def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1: result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result

BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def ed25519_verify(public, message, signature):
    a, r, s = decompress(public), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= L: return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)

# ---- Signed notes and verifier keys (C2SP signed-note)
def b64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text: raise ValueError("base64 is not canonical")
    return data

def read_key(text):
    name, key_id, key = text.split("+", 2)
    data = b64(key)
    if not name or re.search(r"\s", name) or len(data) != 33 or data[0] != 1: raise ValueError("not an Ed25519 key")
    digest = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if digest.hex() != key_id: raise ValueError("the key id is not that of the key")
    return Box(text=text, name=name, id=digest, public=data[1:])

class Bad(Exception):
    def __init__(self, code, message):
        self.code, self.message = code, message

def open_note(data, keys):
    def need(condition, what):
        if not condition: raise Bad("checkpoint-malformed", what)
    try: note = data.decode("utf-8")
    except UnicodeDecodeError: need(False, "it is not UTF-8")
    need(not re.search("[\x00-\x09\x0b-\x1f]", note), "it has a control character")
    text, blank, signatures = note.rpartition("\n\n")
    need(blank and signatures.endswith("\n"), "it has no blank line and signatures")
    text, signer = text + "\n", None
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^ +]+) (.+)", line)
        need(match, "a signature line is malformed")
        try: blob = b64(match[2])
        except ValueError: blob = b""
        need(len(blob) > 4, "a signature line is malformed")
        for key in keys:
            if key.name == match[1] and key.id == blob[:4]:
                if not ed25519_verify(key.public, text.encode(), blob[4:]):
                    raise Bad("checkpoint-signature", "the signature is wrong")
                signer = signer or key
                break
    if not signer: raise Bad("checkpoint-signature", "none of its signatures is by a pinned key")
    return text, signer
