"""libpq 18 signs in with OAUTHBEARER and runs one statement.

usage: libpq_oauth.py CONNINFO SQL

Everything of the exchange is libpq's own. Only where the token comes from is ours, by the hook that libpq has for it
(PQsetAuthDataHook): TOKEN of the environment, or else the device flow (RFC 8628) at the place that the server named, as
the optional module libpq-oauth does it. After the code was shown it waits for a line on stdin before it asks.
"""
import ctypes
import json
import os
import sys
import urllib.parse
import urllib.request

OAUTH_BEARER_TOKEN = 1  # PQAUTHDATA_OAUTH_BEARER_TOKEN
CONNECTION_OK = 0
PGRES_TUPLES_OK = 2


class BearerRequest(ctypes.Structure):
    """PGoauthBearerRequest"""
    _fields_ = [
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("asynchronous", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    ]


HOOK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(BearerRequest))

libpq = ctypes.CDLL(os.path.join(os.environ["CUSTOS_CLIENTS"], "postgres-18/native/lib/libpq.so.5"))
libpq.PQconnectdb.restype = ctypes.c_void_p
libpq.PQexec.restype = ctypes.c_void_p
for function in (libpq.PQstatus, libpq.PQerrorMessage, libpq.PQexec, libpq.PQresultStatus, libpq.PQfinish):
    function.argtypes = [ctypes.c_void_p]
libpq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
libpq.PQerrorMessage.restype = ctypes.c_char_p
libpq.PQgetvalue.restype = ctypes.c_char_p
libpq.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]


def fetch(url, **form):
    body = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, body, timeout=20) as answer:
        return json.load(answer)


def device_flow(discovery, scope):
    metadata = fetch(discovery)
    client = "custos-libpq"
    device = fetch(metadata["device_authorization_endpoint"], client_id=client, scope=scope)
    print("visit", device["verification_uri"], "and enter", device["user_code"], flush=True)
    sys.stdin.readline()
    return fetch(
        metadata["token_endpoint"],
        grant_type="urn:ietf:params:oauth:grant-type:device_code",
        client_id=client,
        device_code=device["device_code"],
    )["access_token"]


kept = []


@HOOK
def hook(kind, _connection, request):
    if kind != OAUTH_BEARER_TOKEN:
        return 0
    request = request.contents
    discovery, scope = request.openid_configuration.decode(), request.scope.decode()
    print("discovered", discovery, scope, flush=True)
    token = os.environ.get("TOKEN") or device_flow(discovery, scope)
    kept.append(ctypes.create_string_buffer(token.encode()))
    request.token = ctypes.cast(kept[-1], ctypes.c_char_p)
    return 1


def main():
    conninfo, sql = sys.argv[1:]
    libpq.PQsetAuthDataHook(hook)
    connection = libpq.PQconnectdb(conninfo.encode())
    if libpq.PQstatus(connection) != CONNECTION_OK:
        sys.exit(libpq.PQerrorMessage(connection).decode())
    result = libpq.PQexec(connection, sql.encode())
    if libpq.PQresultStatus(result) != PGRES_TUPLES_OK:
        sys.exit(libpq.PQerrorMessage(connection).decode())
    print("result", libpq.PQgetvalue(result, 0, 0).decode(), flush=True)
    # Until stdin is closed it stays connected, and then tries again.
    for line in sys.stdin:
        result = libpq.PQexec(connection, line.encode())
        if libpq.PQresultStatus(result) != PGRES_TUPLES_OK:
            sys.exit(libpq.PQerrorMessage(connection).decode())
        print("result", libpq.PQgetvalue(result, 0, 0).decode(), flush=True)
    libpq.PQfinish(connection)


main()
