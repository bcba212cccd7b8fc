//! Reading the catalogue.

use bytes::BytesMut;
use custos_session::{Open, Session, SessionError, Stream, UpstreamError};

use super::snapshot::{Builder, Snapshot};
use crate::target::{self, Answers};

/// Names in the definitions of views come qualified when no schema is searched.
const SETTINGS: &str =
    "set search_path = ''; set statement_timeout = '15s'; set lock_timeout = '5s'";

const RELATIONS: &str = "select c.oid, n.nspname, c.relname, c.relkind, \
    case when c.relkind in ('v', 'm') and c.oid >= 16384 \
        then pg_catalog.pg_get_viewdef(c.oid) end \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c') and n.nspname !~ '^pg_(toast|temp)'";

const COLUMNS: &str = "select a.attrelid, a.attnum, a.attname, a.atttypid \
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid \
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c') \
    order by a.attrelid, a.attnum";

/// Comments of relations, as of their column 0, and of columns that may give them labels.
const COMMENTS: &str = "select d.objoid, d.objsubid, d.description from pg_catalog.pg_description d \
    where d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass \
    and pg_catalog.strpos(pg_catalog.lower(d.description), 'custos:') > 0";

const INHERITANCE: &str = "select inhrelid, inhparent from pg_catalog.pg_inherits";

/// One row for each name in a schema: whether any of that name is volatile, whether all are PostgreSQL's own, the
/// extension, what columns they give (all alike, or NULL), whether their columns depend on arguments, whether any gives
/// several rows.
const FUNCTIONS: &str = "select f.nspname, f.proname, bool_or(f.provolatile = 'v'), bool_and(f.oid < 16384), \
    max(f.extname), \
    case when count(distinct f.columns) = 1 and bool_and(f.columns is not null) then max(f.columns) end, \
    bool_or(f.open), bool_or(f.proretset), count(f.extname) = count(*) \
    from (select n.nspname, p.oid, p.proname, p.provolatile, p.proretset, e.extname, \
        (select pg_catalog.string_agg(coalesce(a.name, ''), E'\\x01' order by a.place) \
            from unnest(p.proargnames, p.proargmodes) with ordinality as a (name, mode, place) \
            where a.mode in ('o', 'b', 't')) as columns, \
        p.proretset and t.typtype in ('p', 'c') and p.proargmodes is null as open \
        from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
        join pg_catalog.pg_type t on t.oid = p.prorettype \
        left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e' \
        left join pg_catalog.pg_extension e on e.oid = d.refobjid) f \
    group by f.nspname, f.proname";

/// Operators beside PostgreSQL's own.
const OPERATORS: &str = "select o.oprname, e.extname from pg_catalog.pg_operator o \
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace \
    left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass and d.objid = o.oid and d.deptype = 'e' \
    left join pg_catalog.pg_extension e on e.oid = d.refobjid where n.nspname <> 'pg_catalog'";

/// Types, and whether one of their casts calls a function that is not PostgreSQL's own, or a constraint is checked.
const TYPES: &str = "select t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, \
    case when t.typcategory = 'A' then t.typelem else 0 end, t.typrelid, e.extname, \
    exists (select from pg_catalog.pg_cast k join pg_catalog.pg_proc p on p.oid = k.castfunc \
        where t.oid in (k.castsource, k.casttarget) and p.oid >= 16384) \
        or exists (select from pg_catalog.pg_constraint c where c.contypid = t.oid and c.oid >= 16384) \
    from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace \
    left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e' \
    left join pg_catalog.pg_extension e on e.oid = d.refobjid where n.nspname !~ '^pg_(toast|temp)'";

/// Reads it on a connection that is made for it.
pub(super) async fn load(
    session: &Session<Open>,
    database: Option<&str>,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Snapshot, SessionError> {
    let target = target::sign_in_again(session, database, random).await?;
    let (mut stream, mut buffer) = (target.stream, target.buffer);
    target::ask(&mut stream, &mut buffer, SETTINGS).await?;
    let mut builder = Builder::default();
    for (text, take) in [
        (
            RELATIONS,
            Builder::relation as fn(&mut Builder, &Answers, usize) -> Option<()>,
        ),
        (COLUMNS, Builder::column),
        (COMMENTS, Builder::comment),
        (INHERITANCE, Builder::inheritance),
        (FUNCTIONS, Builder::function),
        (OPERATORS, Builder::operator),
        (TYPES, Builder::kind),
    ] {
        let answers = target::ask(&mut stream, &mut buffer, text).await?;
        for row in 0..answers.rows() {
            take(&mut builder, &answers, row).ok_or_else(|| {
                UpstreamError::Protocol("its catalogue has an unexpected form".to_owned())
            })?;
        }
    }
    Ok(builder.build())
}

/// Who the session is for the target, and the values of its `search_path` and `statement_timeout`.
pub(crate) async fn search_path(
    stream: &mut Stream,
    buffer: &mut BytesMut,
) -> Result<(String, String, String), SessionError> {
    let text = "select current_user, pg_catalog.current_setting('search_path'), pg_catalog.current_setting('statement_timeout')";
    let answers = target::ask(stream, buffer, text).await?;
    let text = |column| answers.text(0, column).unwrap_or_default().to_owned();
    Ok((text(0), text(1), text(2)))
}
