"""asyncpg: extended protocol only, binary formats, its own state machine."""
import asyncio
import os
import ssl

import asyncpg

from checks import LARGE_QUERY, LARGE_ROWS, database, failed, finish, host, passed, password, port, user


async def connect(connection):
    assert await connection.fetchval("select 40 + 2") == 42
    assert connection.get_settings().server_encoding == "UTF8"


async def prepared(connection):
    statement = await connection.prepare("select $1::int * 2, $2::text")
    for number in range(10):
        assert tuple(await statement.fetchrow(number, "käse")) == (number * 2, "käse")
    assert await connection.fetchval("select $1::text is null", None) is True


async def binary(connection):
    row = await connection.fetchrow("select $1::int8, $2::bytea, 1.5::float8, array[1,2]", 7, b"\x00\xff")
    assert tuple(row) == (7, b"\x00\xff", 1.5, [1, 2]), row


async def copy_in(connection):
    await connection.execute("create temp table copied (id int, name text)")
    rows = [(number, f"name {number}") for number in range(5000)]
    assert await connection.copy_records_to_table("copied", records=rows) == "COPY 5000"


async def copy_out(connection):
    parts = []

    async def take(data):
        parts.append(bytes(data))

    await connection.copy_from_query("select * from copied order by id", output=take)
    lines = b"".join(parts).splitlines()
    assert len(lines) == 5000 and lines[4] == b"4\tname 4", lines[:5]


async def large_result(connection):
    async with connection.transaction():
        total = 0
        async for row in connection.cursor(LARGE_QUERY, prefetch=1000):
            total += row["i"]
    assert total == LARGE_ROWS * (LARGE_ROWS + 1) // 2
    assert len(await connection.fetch(LARGE_QUERY)) == LARGE_ROWS


async def error_outside(connection):
    try:
        await connection.fetch("select * from no_such_table")
    except asyncpg.UndefinedTableError as error:
        assert error.sqlstate == "42P01"
    else:
        raise AssertionError("no error")
    assert await connection.fetchval("select 1") == 1


async def error_in_transaction(connection):
    try:
        async with connection.transaction():
            await connection.fetchval("select 1 / 0")
    except asyncpg.DivisionByZeroError:
        pass
    async with connection.transaction():
        try:
            async with connection.transaction():
                await connection.fetchval("select 1 / 0")
        except asyncpg.DivisionByZeroError:
            pass
        assert await connection.fetchval("select 2") == 2


async def pipeline(connection):
    # asyncpg sends all Bind and Execute messages of executemany before it reads an answer.
    await connection.execute("create temp table many (id int primary key)")
    await connection.executemany("insert into many values ($1)", [(number,) for number in range(1000)])
    try:
        await connection.executemany("insert into many values ($1)", [(2000,), (1,), (2001,)])
    except asyncpg.UniqueViolationError:
        pass
    else:
        raise AssertionError("no error from the pipeline")
    assert await connection.fetchval("select count(*) from many") == 1000


async def cancel(connection):
    try:
        await connection.execute("select pg_sleep(60)", timeout=0.3)
    except asyncio.TimeoutError:
        pass
    else:
        raise AssertionError("not cancelled")
    assert await connection.fetchval("select 5") == 5


async def main():
    if os.environ["PGSSLMODE"] == "disable":
        context = False
    else:
        context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    connection = await asyncpg.connect(
        host=host, port=port, user=user, password=password, database=database, ssl=context)
    for check in (connect, prepared, binary, copy_in, copy_out, large_result, error_outside,
                  error_in_transaction, pipeline, cancel):
        try:
            await asyncio.wait_for(check(connection), 60)
            passed(check.__name__)
        except Exception:
            failed(check.__name__)
    await connection.close()


asyncio.run(main())
finish()
