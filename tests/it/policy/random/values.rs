//! Expressions: a value, and what functions, operators, casts and subqueries make of it.

use custos_testkit::Dice;

use super::shop::Kind::{self, *};

/// Columns under a name in FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// Names, kinds, and whether a label is on what they hold.
    pub(super) columns: Vec<(String, Kind, bool)>,
}

/// What can be named in an expression.
pub(super) type Scope = [Source];

/// An expression, what it is, and whether a label is on anything in it.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) sql: String,
    pub(super) kind: Kind,
    pub(super) labelled: bool,
}

/// What a value becomes: `@` is the value, `~` another text, `?` a text without a label.
type Steps = &'static [(&'static str, Kind)];

const TEXT: Steps = &[
    ("lower(@)", Text),
    ("upper(@)", Text),
    ("initcap(@)", Text),
    ("reverse(@)", Text),
    ("substr(@, 2, 10)", Text),
    ("substring(@ from 3)", Text),
    ("substring(@ from '.{7}$')", Text),
    ("substring(@ similar '#\"%#\"' escape '#')", Text),
    ("left(@, 9)", Text),
    ("right(@, -2)", Text),
    ("replace(@, 'a', 'b')", Text),
    ("lpad(@, 24, '.')", Text),
    ("concat(@, '-', ~)", Text),
    ("concat_ws('/', ~, @)", Text),
    ("concat(variadic array[@, ~])", Text),
    ("format('%s and %L', @, ~)", Text),
    ("format('%2$s %1$I', @, ?)", Text),
    ("@ || ~", Text),
    ("? || @", Text),
    ("coalesce(@, 'none')", Text),
    ("coalesce(null, @)", Text),
    ("@::varchar(30)", Text),
    ("cast(@ as char(20))", Text),
    ("@::name::text", Text),
    ("trim(both '.' from @)", Text),
    ("translate(@, 'abc', 'def')", Text),
    ("overlay(@ placing '..' from 1 for 2)", Text),
    ("quote_literal(@)", Text),
    ("quote_ident(@)", Text),
    ("md5(@)", Text),
    ("repeat(@, 2)", Text),
    ("split_part(@, '-', 1)", Text),
    ("encode(convert_to(@, 'UTF8'), 'hex')", Text),
    ("encode(@::bytea, 'base64')", Text),
    ("encode(sha256(@::bytea), 'hex')", Text),
    ("to_json(@)::text", Text),
    ("(array[@, ~])[1]", Text),
    ("(row(@, 1)).f1", Text),
    ("greatest(@, ~)", Text),
    ("least(@, ~)", Text),
    ("nullif(@, 'nothing')", Text),
    ("regexp_replace(@, '^..', '')", Text),
    ("(regexp_match(@, '.*'))[1]", Text),
    ("regexp_substr(@, '.+')", Text),
    ("case when ? is null then 'none' else @ end", Text),
    ("case ? when 'x' then ~ else @ end", Text),
    ("case when @ is not null then 'some' else @ end", Text),
    ("(select @)", Text),
    ("(select max(z) from (values (@), (~)) v (z))", Text),
    (
        "(select string_agg(z, ',') from unnest(array[@, ~]) z)",
        Text,
    ),
    ("(select z from (select @ as z) y limit 1)", Text),
    ("(with z as (select @ as ssn) select ssn from z)", Text),
    ("array_to_string(array[@, ~], ',')", Text),
    ("jsonb_build_object('a', @) ->> 'a'", Text),
    ("(jsonb_build_object('a', @))['a']::text", Text),
    ("xmlelement(name a, @)::text", Text),
    ("xmlforest(@ as a, ~ as b)::text", Text),
    ("to_tsvector('simple', @)::text", Text),
    ("@ collate \"C\"", Text),
    ("normalize(@)", Text),
    ("convert_from(@::bytea, 'UTF8')", Text),
    ("pg_typeof(@)::text", Text),
    ("unistr(@)", Text),
    ("string_to_array(@, 'a')", Texts),
    ("regexp_split_to_array(@, 'a')", Texts),
    ("parse_ident(@)", Texts),
    ("array[@, ~]", Texts),
    ("array(select @ union all select ~)", Texts),
    ("to_jsonb(@)", Json),
    (
        "jsonb_build_object('k', @, 'list', jsonb_build_array(~))",
        Json,
    ),
    ("jsonb_build_object(@, 'k')", Json),
    ("json_build_array(@, ~)", JsonText),
    ("json_object(array['k'], array[@])", JsonText),
    ("@::bytea", Bytes),
    ("convert_to(@, 'UTF8')", Bytes),
    ("row(@, null)::card", Card),
    ("length(@)", Number),
    ("ascii(@)", Number),
    ("strpos(@, 'a')", Number),
];

const NUMBER: Steps = &[
    ("@::text", Text),
    ("to_char(@, 'FM999999999999999.99')", Text),
    ("to_char(@, '999,999,999,999')", Text),
    ("@::numeric", Number),
    ("@::float8::text", Text),
    ("@::float8", Number),
    ("abs(@)", Number),
    ("round(@)", Number),
    ("trunc(@)", Number),
    ("- @", Number),
    ("@ + 0", Number),
    ("@ * 1", Number),
    ("format('%s', @)", Text),
    ("concat('n', @)", Text),
    ("to_jsonb(@)", Json),
    ("array[@]::text[]", Texts),
    ("greatest(@, 1)", Number),
    ("coalesce(@, 0)", Number),
    ("@::money::text", Text),
    ("to_hex(@::int8)", Text),
    ("@::numeric(30,4)", Number),
    ("@::int8", Number),
    ("lpad(@::text, 20, '0')", Text),
    ("reverse(@::text)", Text),
    ("int8send(@::int8)", Bytes),
    ("numeric_send(@::numeric)", Bytes),
    ("make_interval(secs => @)::text", Text),
    ("numrange(@, null)::text", Text),
];

const DATE: Steps = &[
    ("@::text", Text),
    ("to_char(@, 'YYYY-MM-DD')", Text),
    ("to_char(@, 'DD.MM.YYYY')", Text),
    ("@::timestamp::text", Text),
    ("extract(year from @)", Number),
    ("date_part('year', @)", Number),
    ("date_trunc('month', @)::text", Text),
    ("to_jsonb(@)", Json),
    ("@ + 1", Date),
    ("format('%s', @)", Text),
    ("array[@]::text[]", Texts),
    ("age(@, '2000-01-01')::text", Text),
    ("coalesce(@, '2000-01-01')", Date),
    ("date_send(@)", Bytes),
    ("daterange(@, null)::text", Text),
];

const UUID: Steps = &[
    ("@::text", Text),
    ("upper(@::text)", Text),
    ("replace(@::text, '-', '')", Text),
    ("uuid_send(@)", Bytes),
    ("to_jsonb(@)", Json),
    ("format('%s', @)", Text),
    ("array[@]::text[]", Texts),
    ("coalesce(@, null)", Uuid),
];

const BYTES: Steps = &[
    ("encode(@, 'hex')", Text),
    ("encode(@, 'base64')", Text),
    ("encode(@, 'escape')", Text),
    ("@::text", Text),
    ("convert_from(@, 'UTF8')", Text),
    ("substr(@, 3)", Bytes),
    ("@ || '\\x00'::bytea", Bytes),
    ("set_byte(@, 0, 65)", Bytes),
    ("md5(@)", Text),
    ("sha256(@)", Bytes),
    ("get_byte(@, 0)", Number),
    ("trim('\\x00'::bytea from @)", Bytes),
    ("array[@]::text[]", Texts),
];

const TEXTS: Steps = &[
    ("(@)[1]", Text),
    ("(@)[2]", Text),
    ("(@)[1:1]", Texts),
    ("(@)[:2]", Texts),
    ("array_to_string(@, ',')", Text),
    ("array_to_string(@, '', '*')", Text),
    ("@::text", Text),
    ("@::varchar[]::text", Text),
    ("to_jsonb(@)", Json),
    ("array_to_json(@)", JsonText),
    ("array_append(@, ~)", Texts),
    ("array_prepend('x', @)", Texts),
    ("array_cat(@, array[~])", Texts),
    ("@ || array[~]", Texts),
    ("array_remove(@, 'none')", Texts),
    ("array_replace(@, 'none', 'x')", Texts),
    ("array_fill((@)[1], array[2])", Texts),
    ("array(select z from unnest(@) z)", Texts),
    (
        "(select string_agg(z, '') from unnest(@) with ordinality u (z, n))",
        Text,
    ),
    ("(select max(z) from unnest(@) z)", Text),
    ("(select (@)[n] from generate_series(1, 1) n)", Text),
    ("cardinality(@)", Number),
    ("array_dims(@)", Text),
    ("json_object(@)", JsonText),
];

const JSON: Steps = &[
    ("@ ->> 'k'", Text),
    ("@ -> 'k'", Json),
    ("@ #>> '{list,0}'", Text),
    ("@ #> '{list}'", Json),
    ("@::text", Text),
    ("jsonb_pretty(@)", Text),
    ("(@)['k']", Json),
    ("(@)['list'][1]", Json),
    ("jsonb_path_query_first(@, '$.k')", Json),
    ("jsonb_path_query_array(@, '$.list[*]')", Json),
    (
        "jsonb_path_query_first(@, '$.list[*] ? (@ like_regex \".\")')",
        Json,
    ),
    ("@ || '{\"x\": 1}'", Json),
    ("jsonb_set(@, '{x}', to_jsonb(~))", Json),
    ("jsonb_set('{}', '{k}', @)", Json),
    ("jsonb_strip_nulls(@)", Json),
    ("@ - 'x'", Json),
    (
        "(select string_agg(value, ',') from jsonb_each_text(@))",
        Text,
    ),
    (
        "(select max(z::text) from jsonb_path_query(@, '$.*') z)",
        Text,
    ),
    ("jsonb_extract_path_text(@, 'k')", Text),
    ("@::json", JsonText),
    ("jsonb_typeof(@)", Text),
    ("to_tsvector('simple', @)::text", Text),
    (
        "array(select jsonb_array_elements_text(@ -> 'list'))",
        Texts,
    ),
    (
        "(jsonb_populate_record(null::card, jsonb_build_object('number', @ ->> 'k'))).number",
        Text,
    ),
    (
        "jsonb_populate_record(null::card, jsonb_build_object('number', @ ->> 'k'))",
        Card,
    ),
];

const JSON_TEXT: Steps = &[
    ("@ ->> 'k'", Text),
    ("@ -> 'k'", JsonText),
    ("@ #>> '{list,0}'", Text),
    ("@::text", Text),
    ("@::jsonb", Json),
    ("json_extract_path_text(@, 'k')", Text),
    ("json_strip_nulls(@)", JsonText),
    ("json_typeof(@)", Text),
    (
        "(select string_agg(value, ',') from json_each_text(@))",
        Text,
    ),
    (
        "(select max(number) from json_to_record(@) as r (k text, number text))",
        Text,
    ),
    ("array(select json_array_elements_text(@ -> 'list'))", Texts),
];

const CARD: Steps = &[
    ("(@).number", Text),
    ("(@).expires", Date),
    ("@::text", Text),
    ("row_to_json(@)", JsonText),
    ("to_jsonb(@)", Json),
    ("format('%s', @)", Text),
    ("array[@]::text", Text),
    ("(array[@])[1]", Card),
    ("(select (z).number from (select @ as z) y)", Text),
    ("(select c.number from (select (@).*) c)", Text),
    ("coalesce(@, row('x', null)::card)", Card),
];

const ROW: Steps = &[
    ("row_to_json(@)", JsonText),
    ("row_to_json(@, true)", JsonText),
    ("to_jsonb(@)", Json),
    ("@::text", Text),
    ("format('%s', @)", Text),
    ("array[@]::text", Text),
    ("concat(@, '')", Text),
    ("coalesce(@, null)::text", Text),
    ("(select row_to_json(z) from (select @ as z) y)", JsonText),
    ("to_jsonb(@) ->> 'ssn'", Text),
    ("json_build_array(@)", JsonText),
    ("row(@, 1)::text", Text),
];

fn steps(kind: Kind) -> Steps {
    match kind {
        Text => TEXT,
        Number => NUMBER,
        Date => DATE,
        Uuid => UUID,
        Bytes => BYTES,
        Texts => TEXTS,
        Json => JSON,
        JsonText => JSON_TEXT,
        Card => CARD,
        Row => ROW,
    }
}

/// A column by its name, or a whole row.
pub(super) fn column(dice: &mut Dice, scope: &Scope) -> Expression {
    let source = dice.one(scope);
    if dice.percent(6) {
        return Expression {
            sql: source.name.clone(),
            kind: Row,
            labelled: source.columns.iter().any(|(_, _, labelled)| *labelled),
        };
    }
    let wanted = dice.percent(65);
    let mut fitting = source.columns.iter().filter(|column| column.2 == wanted);
    let count = fitting.clone().count();
    let (name, kind, labelled) = if count > 0 {
        fitting.nth(dice.below(count)).expect("it was counted")
    } else {
        dice.one(&source.columns)
    };
    let sql = match dice.below(20) {
        0 => format!("({}).{name}", source.name),
        1 => format!("({}.{name})", source.name),
        2 if scope.len() == 1 => name.clone(),
        _ => format!("{}.{name}", source.name),
    };
    Expression {
        sql,
        kind: *kind,
        labelled: *labelled,
    }
}

/// A column without a label of one of these kinds.
pub(super) fn open(dice: &mut Dice, scope: &Scope, kinds: &[Kind]) -> Option<String> {
    let all = scope.iter().flat_map(|source| {
        let fitting = source
            .columns
            .iter()
            .filter(|(_, kind, labelled)| !labelled && kinds.contains(kind));
        fitting.map(|(name, ..)| format!("{}.{name}", source.name))
    });
    let all: Vec<String> = all.collect();
    (!all.is_empty()).then(|| dice.one(&all).clone())
}

/// A value with up to so many steps.
pub(super) fn value(dice: &mut Dice, scope: &Scope, steps_max: usize) -> Expression {
    let mut value = column(dice, scope);
    for _ in 0..dice.below(steps_max + 1) {
        value = step(dice, scope, &value);
    }
    value
}

/// A value as a text.
pub(super) fn text(dice: &mut Dice, scope: &Scope, steps_max: usize) -> Expression {
    as_text(value(dice, scope, steps_max))
}

pub(super) fn as_text(value: Expression) -> Expression {
    if value.kind == Text {
        return value;
    }
    Expression {
        sql: format!("({})::text", value.sql),
        kind: Text,
        ..value
    }
}

fn step(dice: &mut Dice, scope: &Scope, value: &Expression) -> Expression {
    let (template, kind) = dice.one(steps(value.kind));
    fill(dice, scope, template, *kind, value)
}

/// A template with this value in it.
pub(super) fn fill(
    dice: &mut Dice,
    scope: &Scope,
    template: &str,
    kind: Kind,
    value: &Expression,
) -> Expression {
    let mut labelled = value.labelled;
    let mut sql = String::new();
    let mut quoted = false;
    for letter in template.chars() {
        quoted ^= letter == '\'';
        match letter {
            '@' if !quoted => {
                // What is more than a name is one operand.
                let plain = |letter: char| letter.is_alphanumeric() || "._".contains(letter);
                let bare = value.sql.chars().all(plain);
                sql.extend(if bare {
                    ["", &value.sql, ""]
                } else {
                    ["(", &value.sql, ")"]
                });
            }
            '~' if !quoted => {
                let other = as_text(column(dice, scope));
                labelled |= other.labelled;
                sql += &other.sql;
            }
            '?' if !quoted => {
                sql += &open(dice, scope, &[Text]).unwrap_or_else(|| "'open'".to_owned());
            }
            letter => sql.push(letter),
        }
    }
    Expression {
        sql,
        kind,
        labelled,
    }
}
