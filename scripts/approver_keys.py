"""Signatures of approvers (SSHSIG and WebAuthn), for verify.py beside it. Python 3.9 or later and nothing else."""
import base64, hashlib, json, re

from signed_note import decompress, ed25519_verify, multiply

class Wrong(Exception):
    def __init__(self, code, message):
        self.code, self.message = code, message
class Unknown(Exception): """A kind of key that this program cannot judge."""

def malformed(what): return Wrong("approval-malformed", f"{what} has another form")
def other(what): return Wrong("approval-signature", what)
def bad_key(): return Wrong("approval-key", "the enrolled key cannot be, or is not that of its fingerprint")
def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()

# ---- ECDSA over P-256 (FIPS 186-5 section 6.4.2; verification only, so it need not run in constant time)
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)

def p256_add(a, b):
    if a is None or b is None: return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0: return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) % P
    else: slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return (x, (slope * (a[0] - x) - a[1]) % P)

def p256_multiply(scalar, point):
    result = None
    while scalar:
        if scalar & 1: result = p256_add(result, point)
        point, scalar = p256_add(point, point), scalar >> 1
    return result

def p256_point(data):
    x, y = int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:], "big")
    if len(data) != 65 or data[0] != 4 or max(x, y) >= P or (y * y - x * x * x + 3 * x - B) % P: raise bad_key()
    return (x, y)

def p256_verify(point, message, r, s):
    if not (0 < r < N and 0 < s < N): return False
    e, inverse = int.from_bytes(sha256(message), "big"), pow(s, -1, N)
    found = p256_add(p256_multiply(e * inverse % N, G), p256_multiply(r * inverse % N, point))
    return found is not None and found[0] % N == r

# ---- RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2) and Ed25519
DIGEST_INFO = {"sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
               "sha512": bytes.fromhex("3051300d060960864801650304020305000440")}

def rsa_key(n, e):
    if not 2048 <= n.bit_length() <= 8192 or not n & 1 or not e & 1 or not 1 < e < 2**32: raise bad_key()
    return (n, e)

def rsa_verify(key, message, signature, name):
    n, e = key
    size, number = (n.bit_length() + 7) // 8, int.from_bytes(signature, "big")
    tail = DIGEST_INFO[name] + hashlib.new(name, message).digest()
    wanted = b"\0\1" + b"\xff" * (size - len(tail) - 3) + b"\0" + tail
    return len(signature) == size and number < n and pow(number, e, n).to_bytes(size, "big") == wanted

def ed25519_key(data):
    point = decompress(data) if len(data) == 32 else None
    if point is None: raise bad_key()
    eight = multiply(8, point)
    if eight[0] == 0 and eight[1] == eight[2]: raise bad_key()
    return data

# ---- SSH keys and SSHSIG (PROTOCOL.sshsig, PROTOCOL.u2f, RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709)
class Reader:
    def __init__(self, data, error): self.data, self.error = data, error
    def take(self, size):
        if size > len(self.data): raise self.error
        taken, self.data = self.data[:size], self.data[size:]
        return taken
    def number(self): return int.from_bytes(self.take(4), "big")
    def string(self): return self.take(self.number())
    def positive(self):
        data = self.string()
        if not data or data[0] >= 128 or (data[0] == 0 and (len(data) == 1 or data[1] < 128)): raise self.error
        return int.from_bytes(data, "big")
    def end(self):
        if self.data: raise self.error

def strict_b64(text, url=False):
    """The bytes, or nothing if the text is not their one spelling."""
    try: data = base64.b64decode(text + ("=" * (-len(text) % 4) if url else ""), b"-_" if url else b"+/", validate=True)
    except ValueError: return None
    again = (base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)).decode()
    return data if again == text else None

def ssh_key_bytes(line):
    words = line.split(" ", 2)
    data = strict_b64(words[1]) if len(words) > 1 else None
    if data is None or Reader(data, bad_key()).string() != words[0].encode(): raise bad_key()
    return data

def dearmor(data):
    begin, end = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
    try: text = data.decode("ascii")
    except ValueError: text = ""
    blob = strict_b64(text[len(begin):-len(end)].replace("\n", ""))
    if blob:
        base = base64.b64encode(blob).decode()
        lines = "".join(base[i:i + 70] + "\n" for i in range(0, len(base), 70))
        if begin + lines + end == text: return blob
    raise malformed("the armor of the signature")

def ssh_verify(key_data, statement, armored):
    broken = malformed("the signature")
    blob = dearmor(armored)
    if blob[:6] != b"SSHSIG": raise broken
    reader = Reader(blob[6:], broken)
    if reader.number() != 1: raise broken
    public, namespace, reserved, hash_name, signature = [reader.string() for _ in range(5)]
    reader.end()
    if reserved: raise broken
    if public != key_data: raise other("another key than the recorded one signed")
    if namespace != b"custos-approval": raise other("the namespace is another")
    if hash_name not in (b"sha256", b"sha512"): raise broken
    parts = (namespace, b"", hash_name, hashlib.new(hash_name.decode(), statement).digest())
    signed = b"SSHSIG" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    key, reader = Reader(key_data, bad_key()), Reader(signature, broken)
    kind, algorithm, raw = key.string(), reader.string(), reader.string()
    same = algorithm == kind or (kind == b"ssh-rsa" and algorithm.startswith(b"rsa-sha2-"))
    if not same or (not reader.data) == kind.startswith(b"sk-"): raise broken
    def point():
        if key.string() != b"nistp256": raise bad_key()
        return p256_point(key.string())
    def by_security_key():
        application, tail = key.string(), reader.data
        if not application.startswith(b"ssh:"): raise bad_key()
        if len(tail) != 5: raise broken
        if not tail[0] & 1: raise other("nobody touched the key")
        return sha256(application) + tail + sha256(signed)
    def numbers():
        reader = Reader(raw, broken)
        pair = reader.positive(), reader.positive()
        reader.end()
        if max(pair) >= 2**256: raise broken
        return pair
    if kind == b"ssh-ed25519": good = ed25519_verify(ed25519_key(key.string()), signed, raw)
    elif kind == b"ecdsa-sha2-nistp256": good = p256_verify(point(), signed, *numbers())
    elif kind == b"ssh-rsa":
        e, n = key.positive(), key.positive()
        public = rsa_key(n, e)
        names = {b"rsa-sha2-256": "sha256", b"rsa-sha2-512": "sha512"}
        if algorithm not in names: raise broken
        good = rsa_verify(public, signed, raw, names[algorithm])
    elif kind == b"sk-ssh-ed25519@openssh.com":
        public = ed25519_key(key.string())
        good = ed25519_verify(public, by_security_key(), raw)
    elif kind == b"sk-ecdsa-sha2-nistp256@openssh.com":
        public = point()
        good = p256_verify(public, by_security_key(), *numbers())
    else: raise Unknown(kind.decode("utf-8", "replace"))
    key.end()
    if not good: raise other("the signature is not that of the key over the statement")

# ---- Passkeys (WebAuthn Level 3 sections 5.8.1, 6.1 and 7.2; keys as SubjectPublicKeyInfo)
SPKI_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
SPKI_RSA = bytes.fromhex("300d06092a864886f70d0101010500")

def der(data, tag, error):
    """The content of a value in its shortest form, and what follows it."""
    reader = Reader(data, error)
    if reader.take(1)[0] != tag: raise error
    length = reader.take(1)[0]
    if length in (0x81, 0x82):
        size = length - 0x80
        length = int.from_bytes(reader.take(size), "big")
        if length < (0x80, 0x100)[size - 1]: raise error
    elif length > 0x7f: raise error
    return reader.take(length), reader.data

def der_integer(data, error):
    content, rest = der(data, 2, error)
    return Reader(len(content).to_bytes(4, "big") + content, error).positive(), rest

def spki(data):
    error = bad_key()
    if data.startswith(SPKI_P256): return "p256", p256_point(data[len(SPKI_P256):])
    if data.startswith(SPKI_ED25519): return "ed25519", ed25519_key(data[len(SPKI_ED25519):])
    content, rest = der(data, 0x30, error)
    if rest or not content.startswith(SPKI_RSA): raise error
    bits, rest = der(content[len(SPKI_RSA):], 3, error)
    if rest or bits[:1] != b"\0": raise error
    key, rest = der(bits[1:], 0x30, error)
    if rest: raise error
    n, key = der_integer(key, error)
    e, key = der_integer(key, error)
    if key: raise error
    return "rsa", rsa_key(n, e)

def read_object(data, what):
    try: value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError): value = None
    if type(value) is not dict: raise malformed(what)
    return value

def passkey_verify(key_data, passkey, statement, assertion):
    kind, public = spki(key_data)
    what = "the assertion"
    assertion = read_object(assertion, what)
    id, response = assertion.get("id"), assertion.get("response")
    fields = assertion.get("type") == "public-key" and type(id) is str and assertion.get("rawId") == id
    if not fields or type(response) is not dict: raise malformed(what)
    def field(name):
        text = response.get(name)
        data = strict_b64(text, url=True) if type(text) is str else None
        if data is None: raise malformed(what)
        return data
    client, authenticator, signature = field("clientDataJSON"), field("authenticatorData"), field("signature")
    if id != passkey["credential_id"]: raise other("another key than the recorded one signed")
    data = read_object(client, "the client data")
    challenge = base64.urlsafe_b64encode(sha256(b"custos approval v1\0", statement)).rstrip(b"=").decode()
    if data.get("type") != "webauthn.get": raise other("the client data is of another type")
    if data.get("challenge") != challenge: raise other("the challenge is not that of the statement")
    if data.get("origin") != passkey["origin"] or data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise other("the origin is another")
    flags = authenticator[32] if len(authenticator) == 37 else 0x40
    if flags & 0xc0 or flags & 0x18 == 0x10: raise malformed("the authenticator data")
    if authenticator[:32] != sha256(passkey["rp_id"].encode()): raise other("the relying party is another")
    if flags & 5 != 5: raise other("the user was not present and verified")
    signed = authenticator + sha256(client)
    if kind == "ed25519": good = ed25519_verify(public, signed, signature)
    elif kind == "rsa": good = rsa_verify(public, signed, signature, "sha256")
    else:
        wrong = other("the signature is not that of the key over the statement")
        body, rest = der(signature, 0x30, wrong)
        r, body = der_integer(body, wrong)
        s, body = der_integer(body, wrong)
        good = not rest and not body and p256_verify(public, signed, r, s)
    if not good: raise other("the signature is not that of the key over the statement")

def verify(enrolled, fingerprint, statement, signature):
    """Whether an enrolled key signed; `enrolled` is the `detail` of approver.enrolled."""
    is_ssh, is_passkey = enrolled["method"] == "ssh", enrolled["method"] == "webauthn" and "rp_id" in enrolled
    if is_ssh: data = ssh_key_bytes(enrolled["public_key"])
    elif is_passkey: data = strict_b64(enrolled["public_key"], url=True)
    else: data = None
    if data is None or fingerprint != "SHA256:" + base64.b64encode(sha256(data)).rstrip(b"=").decode(): raise bad_key()
    if is_ssh: return ssh_verify(data, statement, signature)
    passkey = {name: str(enrolled.get(name, "")) for name in ("credential_id", "rp_id", "origin")}
    return passkey_verify(data, passkey, statement, signature)
