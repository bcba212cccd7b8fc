//! What is in FROM.

use super::Output;
use super::catalogue::Function;
use super::origin::Origin;
use super::resolve::Resolver;
use super::scope::{Columns, Item, Scope};
use crate::pieces;
use crate::tree::Node;

impl Resolver<'_> {
    /// A whole FROM list. Each element sees those before it, as LATERAL may.
    pub(super) fn sources<'n>(&mut self, list: impl Iterator<Item = &'n Node>) -> Scope {
        let outside = std::mem::replace(&mut self.outside, self.scopes.len());
        let mut all = Scope::default();
        for element in list {
            self.scopes.push(all);
            let one = self.source(element);
            all = self.scopes.pop().unwrap_or_default();
            join(&mut all, one);
        }
        self.outside = outside;
        all
    }

    /// Neither a subquery without LATERAL nor a join's condition sees what else is in the same FROM: a name that
    /// is there means what it means further out.
    fn without_siblings<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        let siblings = self.scopes.split_off(self.outside.min(self.scopes.len()));
        let value = inner(self);
        self.scopes.extend(siblings);
        value
    }

    fn source(&mut self, node: &Node) -> Scope {
        self.step(|walk| walk.source_inner(node))
            .unwrap_or_else(|| single(Vec::new(), Columns::unknown()))
    }

    fn source_inner(&mut self, node: &Node) -> Scope {
        match node.kind {
            "RangeVar" => self.range_var(node),
            "RangeSubselect" => {
                let query = node.node("subquery");
                let outputs = if node.flag("lateral") {
                    query.and_then(|query| self.query(query))
                } else {
                    self.without_siblings(|walk| query.and_then(|query| walk.query(query)))
                };
                aliased(node, Vec::new(), Columns::of(outputs))
            }
            "RangeFunction" => self.range_function(node),
            "RangeTableFunc" | "JsonTable" => self.table_function(node),
            "RangeTableSample" => {
                self.uses(node, "args");
                self.uses(node, "repeatable");
                match node.node("relation") {
                    Some(relation) => self.source(relation),
                    None => single(Vec::new(), Columns::unknown()),
                }
            }
            "JoinExpr" => self.join_expression(node),
            _ => single(Vec::new(), Columns::unknown()),
        }
    }

    pub(super) fn range_var(&mut self, node: &Node) -> Scope {
        let name = pieces::relation(node);
        if let [only] = name.as_slice()
            && let Some((_, columns)) = self.ctes.iter().rev().find(|(cte, _)| cte == only)
        {
            let columns = columns.clone();
            return aliased(node, name, columns);
        }
        let columns = self.relation(&name);
        aliased(node, name, columns)
    }

    fn range_function(&mut self, node: &Node) -> Scope {
        let mut columns = Columns::default();
        let mut last = String::new();
        for entry in node.list("functions") {
            let mut parts = entry.list("items");
            let Some(function) = parts.next() else {
                columns.append(Columns::unknown());
                continue;
            };
            let defined: Vec<&Node> = parts.chain(node.list("coldeflist")).collect();
            last = function.names("funcname").pop().unwrap_or_default();
            let origin = self.expression(function);
            self.used.add(&origin);
            columns.append(self.function_columns(function, &defined, &origin));
        }
        if node.flag("ordinality") {
            let ordinality = Output {
                name: Some("ordinality".to_owned()),
                origin: Origin::default(),
            };
            columns.list.push(ordinality);
        }
        let alias = node
            .node("alias")
            .map(|alias| alias.text("aliasname").to_owned());
        // A single value takes the name of the alias.
        if let (Some(alias), [first, ..]) = (&alias, columns.list.as_mut_slice())
            && columns.rest.is_none()
            && node.list("coldeflist").next().is_none()
            && first.name.as_ref() == Some(&last)
            && node.list("functions").count() == 1
        {
            first.name = Some(alias.clone());
        }
        aliased(node, vec![last], columns)
    }

    fn function_columns(&self, function: &Node, defined: &[&Node], origin: &Origin) -> Columns {
        let column = |name: String| Output {
            name: Some(name),
            origin: origin.clone(),
        };
        let definitions = defined.iter().flat_map(|node| match node.kind {
            "List" => node.list("items").collect::<Vec<_>>(),
            _ => vec![*node],
        });
        let names: Vec<String> = definitions
            .filter(|definition| definition.kind == "ColumnDef")
            .map(|definition| definition.text("colname").to_owned())
            .collect();
        if !names.is_empty() {
            return Columns {
                list: names.into_iter().map(column).collect(),
                rest: None,
            };
        }
        let name = function.names("funcname");
        match self.catalogue.function(&name) {
            Some(Function::Value) => {
                let name = name.last().cloned().unwrap_or_default();
                Columns {
                    list: vec![column(name)],
                    rest: None,
                }
            }
            Some(Function::Rows(names)) => Columns {
                list: names.into_iter().map(column).collect(),
                rest: None,
            },
            Some(Function::Open) => Columns {
                list: Vec::new(),
                rest: Some(origin.clone()),
            },
            None => Columns::unknown(),
        }
    }

    /// XMLTABLE and JSON_TABLE: each column can hold anything of what goes in.
    fn table_function(&mut self, node: &Node) -> Scope {
        let mut origin = Origin::default();
        for field in [
            "context_item",
            "passing",
            "docexpr",
            "rowexpr",
            "namespaces",
            "columns",
            "on_error",
        ] {
            for part in node.list(field) {
                let part = self.expression(part);
                origin.add(&part);
            }
        }
        self.used.add(&origin);
        let mut names = Vec::new();
        column_names(node, &mut names);
        let list = names.into_iter().map(|name| Output {
            name: Some(name),
            origin: origin.clone(),
        });
        let columns = Columns {
            list: list.collect(),
            rest: None,
        };
        let name = if node.kind == "JsonTable" {
            "json_table"
        } else {
            "xmltable"
        };
        aliased(node, vec![name.to_owned()], columns)
    }

    fn join_expression(&mut self, node: &Node) -> Scope {
        let (Some(left), Some(right)) = (node.node("larg"), node.node("rarg")) else {
            return single(Vec::new(), Columns::unknown());
        };
        let left = self.source(left);
        self.scopes.push(left);
        let right = self.source(right);
        let left = self.scopes.pop().unwrap_or_default();
        let names = if node.flag("is_natural") {
            shared(&left, &right)
        } else {
            Some(node.names("using_clause"))
        };
        let mut scope = self.merged(left, right, names);
        if let Some(alias) = node.node("join_using_alias") {
            let count = node.list("using_clause").count();
            let list = scope.columns.list.iter().take(count).cloned().collect();
            let columns = Columns {
                list,
                rest: scope.columns.rest.clone(),
            };
            scope.items.push(Item {
                name: vec![alias.text("aliasname").to_owned()],
                columns,
            });
        }
        let scope = self.without_siblings(|walk| {
            walk.scopes.push(scope);
            walk.uses(node, "quals");
            walk.scopes.pop().unwrap_or_default()
        });
        if node.has("alias") {
            aliased(node, Vec::new(), scope.columns)
        } else {
            scope
        }
    }

    /// A join whose columns of these names are one. `None`: which ones is not known.
    fn merged(&mut self, left: Scope, right: Scope, names: Option<Vec<String>>) -> Scope {
        let is_known = left.columns.rest.is_none() && right.columns.rest.is_none();
        let Some(names) = names.filter(|names| names.is_empty() || is_known) else {
            let all = left.columns.whole().with(&right.columns.whole());
            self.used.add(&all);
            let mut items = left.items;
            items.extend(right.items);
            return Scope {
                items,
                columns: Columns {
                    list: Vec::new(),
                    rest: Some(all),
                },
            };
        };
        let is_shared = |column: &Output| {
            column
                .name
                .as_ref()
                .is_some_and(|name| names.contains(name))
        };
        let mut columns = Columns::default();
        for name in &names {
            let both = left.columns.list.iter().chain(&right.columns.list);
            let mut origin = Origin::default();
            both.filter(|column| column.name.as_ref() == Some(name))
                .for_each(|column| origin.add(&column.origin));
            self.used.add(&origin);
            columns.list.push(Output {
                name: Some(name.clone()),
                origin,
            });
        }
        for side in [&left.columns, &right.columns] {
            let list = side
                .list
                .iter()
                .filter(|column| !is_shared(column))
                .cloned()
                .collect();
            columns.append(Columns {
                list,
                rest: side.rest.clone(),
            });
        }
        let mut items = left.items;
        items.extend(right.items);
        Scope { items, columns }
    }
}

/// The names that both sides have, in the order of the left one. `None`: not known.
fn shared(left: &Scope, right: &Scope) -> Option<Vec<String>> {
    let all = left.columns.list.iter().chain(&right.columns.list);
    let is_known = left.columns.rest.is_none() && right.columns.rest.is_none();
    if !is_known || all.clone().any(|column| column.name.is_none()) {
        return None;
    }
    let names = left
        .columns
        .list
        .iter()
        .filter_map(|column| column.name.clone());
    let is_right = |name: &String| {
        right
            .columns
            .list
            .iter()
            .any(|column| column.name.as_ref() == Some(name))
    };
    Some(names.filter(is_right).collect())
}

fn column_names(node: &Node, names: &mut Vec<String>) {
    for column in node.list("columns") {
        let name = match column.kind {
            "RangeTableFuncCol" => column.text("colname"),
            _ => column.text("name"),
        };
        if column.list("columns").next().is_some() {
            column_names(column, names);
        } else {
            names.push(name.to_owned());
        }
    }
}

pub(super) fn join(all: &mut Scope, one: Scope) {
    all.items.extend(one.items);
    all.columns.append(one.columns);
}

pub(super) fn single(name: Vec<String>, columns: Columns) -> Scope {
    Scope {
        items: vec![Item {
            name,
            columns: columns.clone(),
        }],
        columns,
    }
}

/// With the alias that it has, if any; else with its own name.
fn aliased(node: &Node, name: Vec<String>, mut columns: Columns) -> Scope {
    let Some(alias) = node.node("alias") else {
        return single(name, columns);
    };
    columns.rename(&alias.names("colnames"));
    single(vec![alias.text("aliasname").to_owned()], columns)
}
