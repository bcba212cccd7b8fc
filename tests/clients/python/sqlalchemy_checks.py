"""SQLAlchemy 2 on psycopg 3: pool, reflection, insertmanyvalues, server-side cursors."""
import os

from sqlalchemy import URL, Column, Integer, MetaData, String, Table, create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from checks import LARGE_QUERY, LARGE_ROWS, database, failed, finish, host, passed, password, port, user

engine = create_engine(
    URL.create("postgresql+psycopg", user, password, host, port, database),
    connect_args={"sslmode": os.environ["PGSSLMODE"], "sslrootcert": os.environ.get("PGSSLROOTCERT", "")},
    pool_size=2, max_overflow=0, pool_pre_ping=True)
metadata = MetaData()
items = Table("sqlalchemy_items", metadata, Column("id", Integer, primary_key=True), Column("name", String(40), unique=True))


def connect():
    with engine.connect() as connection:
        assert connection.execute(text("select 40 + 2")).scalar_one() == 42


def prepared():
    with engine.connect() as connection:
        for number in range(10):
            assert connection.execute(text("select cast(:n as int) * 2"), {"n": number}).scalar_one() == number * 2


def copy_in():
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(items.insert(), [{"id": number, "name": f"name {number}"} for number in range(3000)])
        cursor = connection.connection.dbapi_connection.cursor()
        with cursor.copy("copy sqlalchemy_items from stdin") as copy:
            copy.write_row((3000, "copied"))


def copy_out():
    with engine.connect() as connection:
        assert connection.execute(select(items).order_by(items.c.id.desc())).first() == (3000, "copied")
    assert [column["name"] for column in inspect(engine).get_columns("sqlalchemy_items")] == ["id", "name"]


def large_result():
    with engine.connect() as connection:
        result = connection.execution_options(yield_per=1000).execute(text(LARGE_QUERY))
        assert sum(row.i for row in result) == LARGE_ROWS * (LARGE_ROWS + 1) // 2


def error_outside():
    with engine.connect() as connection:
        try:
            connection.execute(text("select * from no_such_table"))
        except ProgrammingError as error:
            assert error.orig.sqlstate == "42P01"
        else:
            raise AssertionError("no error")
    connect()


def error_in_transaction():
    with engine.begin() as connection:
        try:
            with connection.begin_nested():
                connection.execute(items.insert(), {"id": 1, "name": "again"})
        except IntegrityError:
            pass
        assert connection.execute(text("select 2")).scalar_one() == 2


def cancel():
    with engine.connect() as connection:
        connection.execute(text("set statement_timeout = 300"))
        try:
            connection.execute(text("select pg_sleep(60)"))
        except OperationalError as error:
            assert error.orig.sqlstate == "57014", error.orig.sqlstate
        else:
            raise AssertionError("not cancelled")
    metadata.drop_all(engine)


for check in (connect, prepared, copy_in, copy_out, large_result, error_outside, error_in_transaction, cancel):
    try:
        check()
        passed(check.__name__)
    except Exception:
        failed(check.__name__)
engine.dispose()
finish()
