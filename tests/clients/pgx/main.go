// Command pgx checks the Go driver pgx: binary formats, statement cache, batches, pipeline mode, COPY, cancel by context.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const largeRows = 200_000

var largeQuery = fmt.Sprintf("select i, repeat('x', 80) as filler from generate_series(1, %d) i", largeRows)

type check struct {
	name string
	run  func(context.Context, *pgx.Conn) error
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	// Host, port, user, password, database and TLS come from the PG* environment.
	connection, err := pgx.Connect(ctx, "")
	if err != nil {
		fmt.Println("failed connect:", err)
		os.Exit(1)
	}
	failed := false
	for _, check := range []check{
		{"connect", connect}, {"prepared", prepared}, {"binary", binary}, {"copy_in", copyIn}, {"copy_out", copyOut},
		{"large_result", largeResult}, {"error_outside", errorOutside}, {"error_in_transaction", errorInTransaction},
		{"pipeline", pipeline}, {"cancel", cancel},
	} {
		if err := check.run(ctx, connection); err != nil {
			failed = true
			fmt.Printf("failed %s: %v\n", check.name, err)
		} else {
			fmt.Println("ok", check.name)
		}
	}
	connection.Close(ctx)
	if failed {
		os.Exit(1)
	}
}

func connect(ctx context.Context, connection *pgx.Conn) error {
	return number(ctx, connection, 42, "select 40 + 2")
}

func prepared(ctx context.Context, connection *pgx.Conn) error {
	if _, err := connection.Prepare(ctx, "twice", "select $1::int * 2, $2::text"); err != nil {
		return err
	}
	for count := range 10 {
		var twice int
		var word string
		if err := connection.QueryRow(ctx, "twice", count, "käse").Scan(&twice, &word); err != nil {
			return err
		}
		if twice != count*2 || word != "käse" {
			return fmt.Errorf("got %d and %q", twice, word)
		}
	}
	var none *string
	if err := connection.QueryRow(ctx, "select $1::text", nil).Scan(&none); err != nil {
		return err
	}
	if none != nil {
		return fmt.Errorf("got %q for null", *none)
	}
	return connection.Deallocate(ctx, "twice")
}

func binary(ctx context.Context, connection *pgx.Conn) error {
	var raw []byte
	var list []int32
	if err := connection.QueryRow(ctx, "select $1::bytea, array[1,2]::int4[]", []byte{0, 255}).Scan(&raw, &list); err != nil {
		return err
	}
	if !bytes.Equal(raw, []byte{0, 255}) || len(list) != 2 {
		return fmt.Errorf("got %v and %v", raw, list)
	}
	return nil
}

func copyIn(ctx context.Context, connection *pgx.Conn) error {
	if _, err := connection.Exec(ctx, "create temp table copied (id int, name text)"); err != nil {
		return err
	}
	source := pgx.CopyFromSlice(5000, func(index int) ([]any, error) {
		return []any{int32(index), fmt.Sprintf("name %d", index)}, nil
	})
	// pgx copies in the binary format.
	copied, err := connection.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name"}, source)
	if err == nil && copied != 5000 {
		err = fmt.Errorf("copied %d", copied)
	}
	return err
}

func copyOut(ctx context.Context, connection *pgx.Conn) error {
	var out bytes.Buffer
	if _, err := connection.PgConn().CopyTo(ctx, &out, "copy (select * from copied order by id) to stdout"); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 5000 || lines[4] != "4\tname 4" {
		return fmt.Errorf("got %d lines", len(lines))
	}
	return nil
}

func largeResult(ctx context.Context, connection *pgx.Conn) error {
	rows, err := connection.Query(ctx, largeQuery)
	if err != nil {
		return err
	}
	var id, total int64
	var filler string
	if _, err := pgx.ForEachRow(rows, []any{&id, &filler}, func() error { total += id; return nil }); err != nil {
		return err
	}
	if total != largeRows*(largeRows+1)/2 {
		return fmt.Errorf("total %d", total)
	}
	return nil
}

func errorOutside(ctx context.Context, connection *pgx.Conn) error {
	_, err := connection.Exec(ctx, "select * from no_such_table")
	if err := wants("42P01", err); err != nil {
		return err
	}
	return number(ctx, connection, 1, "select 1")
}

func errorInTransaction(ctx context.Context, connection *pgx.Conn) error {
	transaction, err := connection.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = transaction.Exec(ctx, "select 1 / 0")
	if err := wants("22012", err); err != nil {
		return err
	}
	_, err = transaction.Exec(ctx, "select 1")
	if err := wants("25P02", err); err != nil {
		return err
	}
	if err := transaction.Rollback(ctx); err != nil {
		return err
	}
	return number(ctx, connection, 2, "select 2")
}

func pipeline(ctx context.Context, connection *pgx.Conn) error {
	batch := &pgx.Batch{}
	for count := range 100 {
		batch.Queue("select $1::int", count)
	}
	results := connection.SendBatch(ctx, batch)
	for count := range 100 {
		var got int
		if err := results.QueryRow().Scan(&got); err != nil {
			return err
		}
		if got != count {
			return fmt.Errorf("answer %d was %d", count, got)
		}
	}
	if err := results.Close(); err != nil {
		return err
	}
	// Three syncs in flight; the error of the second must not touch the third.
	pipe := connection.PgConn().StartPipeline(ctx)
	for _, sql := range []string{"select 1", "select 1 / 0", "select 3"} {
		pipe.SendQueryParams(sql, nil, nil, nil, nil)
		if err := pipe.Sync(); err != nil {
			return err
		}
	}
	var good, bad int
	for syncs := 0; syncs < 3; {
		result, err := pipe.GetResults()
		if err != nil {
			bad++
			continue
		}
		switch result := result.(type) {
		case *pgconn.ResultReader:
			if result.Read().Err != nil {
				bad++
			} else {
				good++
			}
		case *pgconn.PipelineSync:
			syncs++
		}
	}
	if err := pipe.Close(); err != nil {
		return err
	}
	if good != 2 || bad != 1 {
		return fmt.Errorf("%d good and %d bad answers", good, bad)
	}
	return number(ctx, connection, 4, "select 4")
}

func cancel(ctx context.Context, connection *pgx.Conn) error {
	// CancelRequest on a second connection, as psql does, and the connection stays usable.
	answer := make(chan error, 1)
	go func() {
		_, err := connection.Exec(ctx, "select pg_sleep(60)")
		answer <- err
	}()
	for {
		select {
		case err := <-answer:
			if err := wants("57014", err); err != nil {
				return err
			}
			return number(ctx, connection, 5, "select 5")
		case <-time.After(200 * time.Millisecond):
			if err := connection.PgConn().CancelRequest(ctx); err != nil {
				return err
			}
		}
	}
}

func number(ctx context.Context, connection *pgx.Conn, want int, sql string) error {
	var got int
	if err := connection.QueryRow(ctx, sql).Scan(&got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s gave %d", sql, got)
	}
	return nil
}

func wants(code string, err error) error {
	var problem *pgconn.PgError
	if errors.As(err, &problem) && problem.Code == code {
		return nil
	}
	return fmt.Errorf("wanted SQLSTATE %s, got %v", code, err)
}
