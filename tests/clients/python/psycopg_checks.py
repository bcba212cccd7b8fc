"""psycopg 3, which is libpq: the connection is described by the PG* environment alone."""
import threading

import psycopg

from checks import LARGE_QUERY, LARGE_ROWS, failed, finish, passed


def connect(connection):
    assert connection.execute("select 40 + 2").fetchone() == (42,)
    assert connection.pgconn.ssl_in_use


def prepared(connection):
    for number in range(10):
        row = connection.execute("select %s::int * 2, %s::text", (number, "käse"), prepare=True).fetchone()
        assert row == (number * 2, "käse"), row
    assert connection.execute("select null::int, %s::text is null", (None,)).fetchone() == (None, True)


def binary(connection):
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute("select %b::int4, '\\x00ff'::bytea, 1.5::float8", (7,)).fetchone()
        assert row == (7, b"\x00\xff", 1.5), row


def copy_in(connection):
    connection.execute("create temp table copied (id int, name text)")
    with connection.cursor() as cursor, cursor.copy("copy copied from stdin") as copy:
        for number in range(5000):
            copy.write_row((number, f"name {number}"))
    assert connection.execute("select count(*), max(name) from copied").fetchone() == (5000, "name 999")


def copy_out(connection):
    with connection.cursor() as cursor, cursor.copy("copy (select * from copied order by id) to stdout") as copy:
        rows = list(copy.rows())
    assert len(rows) == 5000 and rows[4] == ("4", "name 4"), rows[:5]


def large_result(connection):
    with connection.cursor() as cursor:
        total = sum(row[0] for row in cursor.stream(LARGE_QUERY))
    assert total == LARGE_ROWS * (LARGE_ROWS + 1) // 2


def error_outside(connection):
    try:
        connection.execute("select * from no_such_table")
    except psycopg.errors.UndefinedTable as error:
        assert error.diag.sqlstate == "42P01" and error.diag.statement_position == "15"
    else:
        raise AssertionError("no error")
    assert connection.execute("select 1").fetchone() == (1,)


def error_in_transaction(connection):
    try:
        with connection.transaction():
            connection.execute("select 1 / 0")
    except psycopg.errors.DivisionByZero:
        pass
    with connection.transaction():
        connection.execute("select 1")
        try:
            with connection.transaction():
                connection.execute("select 1 / 0")
        except psycopg.errors.DivisionByZero:
            pass
        assert connection.execute("select 2").fetchone() == (2,)


def pipeline(connection):
    with connection.pipeline() as pipe:
        cursors = [connection.execute("select %s::int", (number,)) for number in range(100)]
        pipe.sync()
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(100))
    try:
        with connection.pipeline():
            connection.execute("select 1")
            connection.execute("select 1 / 0")
            connection.execute("select 3")
    except psycopg.errors.DivisionByZero:
        pass
    else:
        raise AssertionError("no error from the pipeline")
    assert connection.execute("select 4").fetchone() == (4,)


def cancel(connection):
    watcher = threading.Timer(0.3, connection.cancel_safe)
    watcher.start()
    try:
        connection.execute("select pg_sleep(60)")
    except psycopg.errors.QueryCanceled:
        pass
    else:
        raise AssertionError("not cancelled")
    watcher.join()
    assert connection.execute("select 5").fetchone() == (5,)


with psycopg.connect(autocommit=True) as session:
    for check in (connect, prepared, binary, copy_in, copy_out, large_result, error_outside,
                  error_in_transaction, pipeline, cancel):
        try:
            check(session)
            passed(check.__name__)
        except Exception:
            failed(check.__name__)
finish()
