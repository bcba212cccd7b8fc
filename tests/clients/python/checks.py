"""What the Python checks share: each check prints one line, a failing one ends the program with status 1."""
import os
import sys
import traceback

LARGE_ROWS = 200_000
# About 20 MB on the wire: more than any buffer between client and target.
LARGE_QUERY = f"select i, repeat('x', 80) as filler from generate_series(1, {LARGE_ROWS}) i"

host, port = os.environ["PGHOST"], int(os.environ["PGPORT"])
user, password, database = os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGDATABASE"]

_failed = []


def passed(name):
    print(f"ok {name}", flush=True)


def failed(name):
    _failed.append(name)
    print(f"failed {name}: {traceback.format_exc()}", flush=True)


def finish():
    sys.exit(1 if _failed else 0)
