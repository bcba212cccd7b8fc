import java.io.StringReader;
import java.io.StringWriter;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.postgresql.PGConnection;

/** pgjdbc: extended protocol, named statements after five uses, batches, portals with row limits. */
public final class Checks {
    private static final int LARGE_ROWS = 200_000;
    private static final String LARGE_QUERY =
        "select i, repeat('x', 80) as filler from generate_series(1, " + LARGE_ROWS + ") i";

    private interface Check {
        void run(Connection connection) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Check> checks = new LinkedHashMap<>();
        checks.put("connect", Checks::connect);
        checks.put("prepared", Checks::prepared);
        checks.put("binary", Checks::binary);
        checks.put("copy_in", Checks::copyIn);
        checks.put("copy_out", Checks::copyOut);
        checks.put("large_result", Checks::largeResult);
        checks.put("error_outside", Checks::errorOutside);
        checks.put("error_in_transaction", Checks::errorInTransaction);
        checks.put("pipeline", Checks::pipeline);
        checks.put("cancel", Checks::cancel);
        boolean failed = false;
        try (Connection connection = open()) {
            for (Map.Entry<String, Check> check : checks.entrySet()) {
                try {
                    check.getValue().run(connection);
                    System.out.println("ok " + check.getKey());
                } catch (Exception | AssertionError problem) {
                    failed = true;
                    System.out.println("failed " + check.getKey() + ": " + problem);
                    problem.printStackTrace(System.out);
                    if (!connection.getAutoCommit()) {
                        connection.rollback();
                        connection.setAutoCommit(true);
                    }
                }
            }
        }
        System.exit(failed ? 1 : 0);
    }

    private static Connection open() throws SQLException {
        Properties settings = new Properties();
        settings.setProperty("user", System.getenv("PGUSER"));
        settings.setProperty("password", System.getenv("PGPASSWORD"));
        settings.setProperty("sslmode", System.getenv("PGSSLMODE"));
        if (System.getenv("PGSSLROOTCERT") != null) {
            settings.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        }
        return DriverManager.getConnection(
            "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE"), settings);
    }

    private static void connect(Connection connection) throws SQLException {
        same(42, number(connection, "select 40 + 2"));
    }

    private static void prepared(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("select ?::int * 2, ?::text")) {
            for (int count = 0; count < 20; count++) {
                statement.setInt(1, count);
                statement.setString(2, count == 7 ? null : "käse");
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    same(count * 2, rows.getInt(1));
                    same(count == 7 ? null : "käse", rows.getString(2));
                }
            }
        }
    }

    private static void binary(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("select ?::bytea, 7::int4, 1.5::float8")) {
            // Binary transfer begins with the named statement, from the fifth execution on.
            for (int count = 0; count < 10; count++) {
                statement.setBytes(1, new byte[] {0, (byte) 255});
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    same(2, rows.getBytes(1).length);
                    same(7, rows.getInt(2));
                    same(1.5, rows.getDouble(3));
                }
            }
        }
    }

    private static void copyIn(Connection connection) throws Exception {
        execute(connection, "create temp table copied (id int, name text)");
        StringBuilder lines = new StringBuilder();
        for (int count = 0; count < 5000; count++) {
            lines.append(count).append("\tname ").append(count).append('\n');
        }
        long copied = connection.unwrap(PGConnection.class).getCopyAPI()
            .copyIn("copy copied from stdin", new StringReader(lines.toString()));
        same(5000L, copied);
    }

    private static void copyOut(Connection connection) throws Exception {
        StringWriter lines = new StringWriter();
        connection.unwrap(PGConnection.class).getCopyAPI()
            .copyOut("copy (select * from copied order by id) to stdout", lines);
        String[] split = lines.toString().split("\n");
        same(5000, split.length);
        same("4\tname 4", split[4]);
    }

    private static void largeResult(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        long total = 0;
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(1000);
            try (ResultSet rows = statement.executeQuery(LARGE_QUERY)) {
                while (rows.next()) {
                    total += rows.getInt(1);
                }
            }
        }
        connection.commit();
        connection.setAutoCommit(true);
        same((long) LARGE_ROWS * (LARGE_ROWS + 1) / 2, total);
    }

    private static void errorOutside(Connection connection) throws SQLException {
        fails("42P01", () -> execute(connection, "select * from no_such_table"));
        same(1, number(connection, "select 1"));
    }

    private static void errorInTransaction(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        fails("22012", () -> execute(connection, "select 1 / 0"));
        fails("25P02", () -> execute(connection, "select 1"));
        connection.rollback();
        connection.setAutoCommit(true);
        same(2, number(connection, "select 2"));
    }

    private static void pipeline(Connection connection) throws SQLException {
        execute(connection, "create temp table many (id int primary key)");
        try (PreparedStatement statement = connection.prepareStatement("insert into many values (?)")) {
            for (int count = 0; count < 1000; count++) {
                statement.setInt(1, count);
                statement.addBatch();
            }
            same(1000, statement.executeBatch().length);
            connection.setAutoCommit(false);
            for (int id : new int[] {2000, 1, 2001}) {
                statement.setInt(1, id);
                statement.addBatch();
            }
            try {
                statement.executeBatch();
                throw new AssertionError("no error from the pipeline");
            } catch (BatchUpdateException expected) {
                same("23505", expected.getSQLState());
            }
            connection.rollback();
            connection.setAutoCommit(true);
        }
        same(1000, number(connection, "select count(*)::int from many"));
    }

    private static void cancel(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            // The driver opens a second connection and sends CancelRequest after one second.
            statement.setQueryTimeout(1);
            fails("57014", () -> statement.execute("select pg_sleep(60)"));
        }
        same(5, number(connection, "select 5"));
    }

    private interface Action {
        void run() throws SQLException;
    }

    private static void fails(String sqlState, Action action) {
        try {
            action.run();
        } catch (SQLException problem) {
            same(sqlState, problem.getSQLState());
            return;
        }
        throw new AssertionError("no error; wanted " + sqlState);
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static int number(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getInt(1);
        }
    }

    private static void same(Object wanted, Object got) {
        if (wanted == null ? got != null : !wanted.equals(got)) {
            throw new AssertionError("wanted " + wanted + ", got " + got);
        }
    }
}
