// node-postgres in its JavaScript implementation, with its cursor and COPY companions.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { pipeline as streams } from 'node:stream/promises';
import { Readable } from 'node:stream';

// The packages stand in the cache, not beside this file.
const require = createRequire(`${process.env.CUSTOS_CLIENTS}/node/`);
const pg = require('pg');
const Cursor = require('pg-cursor');
const copy = require('pg-copy-streams');

const largeRows = 200_000;
const largeQuery = `select i, repeat('x', 80) as filler from generate_series(1, ${largeRows}) i`;
const settings = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  ssl: process.env.PGSSLMODE === 'disable' ? false : { ca: fs.readFileSync(process.env.PGSSLROOTCERT, 'utf8') },
};

const checks = {
  async connect(client) {
    const result = await client.query('select 40 + 2 as answer');
    assert.equal(result.rows[0].answer, 42);
  },
  async prepared(client) {
    for (let number = 0; number < 10; number += 1) {
      const result = await client.query({ name: 'twice', text: 'select $1::int * 2 as twice, $2::text as word', values: [number, 'käse'] });
      assert.deepEqual(result.rows[0], { twice: number * 2, word: 'käse' });
    }
    const result = await client.query('select $1::text is null as nothing', [null]);
    assert.equal(result.rows[0].nothing, true);
  },
  async binary(client) {
    // Of other types pg-types 2 misreads the binary form, with or without a gateway.
    const result = await client.query({ text: 'select $1::int4 * 2 as twice, true as yes, 1234567890123::int8::text as large', values: [21], binary: true });
    assert.deepEqual(result.rows[0], { twice: 42, yes: true, large: '1234567890123' });
  },
  async copy_in(client) {
    await client.query('create temp table copied (id int, name text)');
    const lines = Array.from({ length: 5000 }, (_, number) => `${number}\tname ${number}\n`);
    await streams(Readable.from(lines), client.query(copy.from('copy copied from stdin')));
    const result = await client.query('select count(*)::int as count from copied');
    assert.equal(result.rows[0].count, 5000);
  },
  async copy_out(client) {
    const parts = [];
    for await (const part of client.query(copy.to('copy (select * from copied order by id) to stdout'))) parts.push(part);
    const lines = Buffer.concat(parts).toString().trimEnd().split('\n');
    assert.equal(lines.length, 5000);
    assert.equal(lines[4], '4\tname 4');
  },
  async large_result(client) {
    const cursor = client.query(new Cursor(largeQuery));
    let total = 0;
    for (let rows = await cursor.read(1000); rows.length > 0; rows = await cursor.read(1000)) {
      for (const row of rows) total += row.i;
    }
    await cursor.close();
    assert.equal(total, (largeRows * (largeRows + 1)) / 2);
    const whole = await client.query(largeQuery);
    assert.equal(whole.rows.length, largeRows);
  },
  async error_outside(client) {
    await assert.rejects(client.query('select * from no_such_table'), { code: '42P01' });
    await assert.rejects(client.query('select $1::int / 0', [1]), { code: '22012' });
    assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
  },
  async error_in_transaction(client) {
    await client.query('begin');
    await assert.rejects(client.query('select 1 / 0'), { code: '22012' });
    await assert.rejects(client.query('select 1'), { code: '25P02' });
    await client.query('rollback');
    assert.equal((await client.query('select 2 as two')).rows[0].two, 2);
  },
  async cancel(client) {
    // Cancelling is the documented way: another session ends the statement.
    const { rows: [{ pid }] } = await client.query('select pg_backend_pid() as pid');
    const sleeping = assert.rejects(client.query('select pg_sleep(60)'), { code: '57014' });
    const other = new pg.Client(settings);
    await other.connect();
    // Until the sleep is running there is nothing to cancel, and PostgreSQL ignores the request.
    for (let ended = false; !ended;) {
      await other.query('select pg_cancel_backend($1)', [pid]);
      ended = await Promise.race([sleeping.then(() => true), new Promise((resolve) => setTimeout(resolve, 100, false))]);
    }
    await other.end();
    assert.equal((await client.query('select 5 as five')).rows[0].five, 5);
  },
};

const client = new pg.Client(settings);
await client.connect();
let failed = false;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check(client);
    console.log(`ok ${name}`);
  } catch (error) {
    failed = true;
    console.log(`failed ${name}: ${error.stack}`);
  }
}
await client.end();
process.exit(failed ? 1 : 0);
