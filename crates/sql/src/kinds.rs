//! Every kind of node that the grammar has, and what it is. A test asks the parser's own list for completeness.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::effect::{ObjectKind, Verb};

/// What a kind of node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A piece of a statement, without an effect of its own. Its children are visited.
    Part,
    /// A statement that reads or changes rows.
    Query,
    /// A statement with one effect on what the named field holds; the rest is visited.
    Plain(Verb, ObjectKind, &'static str),
    /// A statement with rules of its own.
    Special,
    /// Made by the planner and never by the grammar.
    Planner,
}

/// `None` for a kind that is not in the list.
pub(crate) fn class(kind: &str) -> Option<Class> {
    static CLASSES: LazyLock<HashMap<&'static str, Class>> = LazyLock::new(classes);
    CLASSES.get(kind).copied()
}

fn classes() -> HashMap<&'static str, Class> {
    let parts = PARTS.iter().map(|kind| (*kind, Class::Part));
    let queries = QUERIES.iter().map(|kind| (*kind, Class::Query));
    let special = SPECIAL.iter().map(|kind| (*kind, Class::Special));
    let planner = PLANNER.iter().map(|kind| (*kind, Class::Planner));
    let plain = PLAIN
        .iter()
        .map(|(kind, verb, object, field)| (*kind, Class::Plain(*verb, *object, field)));
    parts
        .chain(queries)
        .chain(special)
        .chain(planner)
        .chain(plain)
        .collect()
}

const PARTS: &[&str] = &[
    "String",
    "ColumnRef",
    "AConst",
    "ResTarget",
    "AExpr",
    "ParamRef",
    "RangeVar",
    "FuncCall",
    "TypeCast",
    "TypeName",
    "BoolExpr",
    "List",
    "Alias",
    "JoinExpr",
    "SubLink",
    "NullTest",
    "AStar",
    "SortBy",
    "CaseExpr",
    "CaseWhen",
    "Integer",
    "Float",
    "Boolean",
    "BitString",
    "CoalesceExpr",
    "RangeSubselect",
    "RangeFunction",
    "WithClause",
    "CommonTableExpr",
    "AArrayExpr",
    "AIndirection",
    "AIndices",
    "RowExpr",
    "MinMaxExpr",
    "BooleanTest",
    "SqlValueFunction",
    "WindowDef",
    "GroupingFunc",
    "GroupingSet",
    "NamedArgExpr",
    "CollateClause",
    "LockingClause",
    "SetToDefault",
    "CurrentOfExpr",
    "MultiAssignRef",
    "ReturningClause",
    "ReturningOption",
    "OnConflictClause",
    "InferClause",
    "MergeWhenClause",
    "MergeSupportFunc",
    "RangeTableFunc",
    "RangeTableFuncCol",
    "RangeTableSample",
    "XmlExpr",
    "XmlSerialize",
    "JsonFormat",
    "JsonReturning",
    "JsonValueExpr",
    "JsonIsPredicate",
    "JsonBehavior",
    "JsonOutput",
    "JsonArgument",
    "JsonFuncExpr",
    "JsonTablePathSpec",
    "JsonTable",
    "JsonTableColumn",
    "JsonKeyValue",
    "JsonParseExpr",
    "JsonScalarExpr",
    "JsonSerializeExpr",
    "JsonObjectConstructor",
    "JsonArrayConstructor",
    "JsonArrayQueryConstructor",
    "JsonAggConstructor",
    "JsonObjectAgg",
    "JsonArrayAgg",
    "CteSearchClause",
    "CteCycleClause",
    "IntoClause",
    "RawStmt",
    "ReturnStmt",
    "RoleSpec",
    "ColumnDef",
    "TableLikeClause",
    "IndexElem",
    "DefElem",
    "PartitionElem",
    "PartitionSpec",
    "PartitionBoundSpec",
    "PartitionRangeDatum",
    "PartitionCmd",
    "TriggerTransition",
    "AlterTableCmd",
    "AtAlterConstraint",
    "ReplicaIdentityStmt",
    "ObjectWithArgs",
    "AccessPriv",
    "Constraint",
    "CreateOpClassItem",
    "StatsElem",
    "FunctionParameter",
    "VacuumRelation",
    "PublicationTable",
    "PublicationObjSpec",
    "IntList",
    "OidList",
];

const QUERIES: &[&str] = &[
    "SelectStmt",
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
];

const SPECIAL: &[&str] = &[
    "AlterTableStmt",
    "CallStmt",
    "ClosePortalStmt",
    "CommentStmt",
    "CopyStmt",
    "CreateFunctionStmt",
    "CreateTableAsStmt",
    "CreateStmt",
    "CreateTrigStmt",
    "DeallocateStmt",
    "DeclareCursorStmt",
    "DiscardStmt",
    "DoStmt",
    "DropStmt",
    "ExecuteStmt",
    "ExplainStmt",
    "FetchStmt",
    "LockStmt",
    "PrepareStmt",
    "RenameStmt",
    "RuleStmt",
    "TransactionStmt",
    "TruncateStmt",
    "VacuumStmt",
    "VariableSetStmt",
    "ViewStmt",
    "AlterRoleSetStmt",
    "AlterDatabaseSetStmt",
    "RefreshMatViewStmt",
];

use ObjectKind::{Channel, Database, Function, Other, Relation, Role, Schema, Session, Setting};
use Verb::{Administer, Define, Destroy, Notify, Show, Unknown};

const PLAIN: &[(&str, Verb, ObjectKind, &str)] = &[
    ("AlterCollationStmt", Define, Other, "collname"),
    (
        "AlterDatabaseRefreshCollStmt",
        Administer,
        Database,
        "dbname",
    ),
    ("AlterDatabaseStmt", Administer, Database, "dbname"),
    ("AlterDefaultPrivilegesStmt", Administer, Session, ""),
    ("AlterDomainStmt", Define, Other, "type_name"),
    ("AlterEnumStmt", Define, Other, "type_name"),
    ("AlterEventTrigStmt", Administer, Other, "trigname"),
    ("AlterExtensionContentsStmt", Administer, Other, "extname"),
    ("AlterExtensionStmt", Administer, Other, "extname"),
    ("AlterFdwStmt", Administer, Other, "fdwname"),
    ("AlterForeignServerStmt", Administer, Other, "servername"),
    ("AlterFunctionStmt", Administer, Function, "func"),
    ("AlterObjectDependsStmt", Define, Other, "object"),
    ("AlterObjectSchemaStmt", Define, Other, "object"),
    ("AlterOpFamilyStmt", Administer, Other, "opfamilyname"),
    ("AlterOperatorStmt", Administer, Other, "opername"),
    ("AlterOwnerStmt", Administer, Other, "object"),
    ("AlterPolicyStmt", Administer, Relation, "table"),
    ("AlterPublicationStmt", Administer, Other, "pubname"),
    ("AlterRoleStmt", Administer, Role, "role"),
    ("AlterSeqStmt", Define, Relation, "sequence"),
    ("AlterStatsStmt", Define, Other, "defnames"),
    ("AlterSubscriptionStmt", Administer, Other, "subname"),
    ("AlterSystemStmt", Administer, Setting, ""),
    (
        "AlterTableMoveAllStmt",
        Administer,
        Other,
        "orig_tablespacename",
    ),
    (
        "AlterTableSpaceOptionsStmt",
        Administer,
        Other,
        "tablespacename",
    ),
    ("AlterTsConfigurationStmt", Define, Other, "cfgname"),
    ("AlterTsDictionaryStmt", Define, Other, "dictname"),
    ("AlterTypeStmt", Define, Other, "type_name"),
    ("AlterUserMappingStmt", Administer, Other, "servername"),
    ("CheckPointStmt", Administer, Session, ""),
    ("ClusterStmt", Administer, Relation, "relation"),
    ("CompositeTypeStmt", Define, Other, "typevar"),
    ("ConstraintsSetStmt", Verb::Transaction, Session, ""),
    ("CreateAmStmt", Administer, Other, "amname"),
    ("CreateCastStmt", Administer, Other, "sourcetype"),
    ("CreateConversionStmt", Administer, Other, "conversion_name"),
    ("CreateDomainStmt", Define, Other, "domainname"),
    ("CreateEnumStmt", Define, Other, "type_name"),
    ("CreateEventTrigStmt", Administer, Other, "trigname"),
    ("CreateExtensionStmt", Administer, Other, "extname"),
    ("CreateFdwStmt", Administer, Other, "fdwname"),
    ("CreateForeignServerStmt", Administer, Other, "servername"),
    ("CreateForeignTableStmt", Administer, Relation, "base_stmt"),
    ("CreateOpClassStmt", Administer, Other, "opclassname"),
    ("CreateOpFamilyStmt", Administer, Other, "opfamilyname"),
    ("CreatePLangStmt", Administer, Other, "plname"),
    ("CreatePolicyStmt", Administer, Relation, "table"),
    ("CreatePublicationStmt", Administer, Other, "pubname"),
    ("CreateRangeStmt", Define, Other, "type_name"),
    ("CreateRoleStmt", Administer, Role, "role"),
    ("CreateSchemaStmt", Define, Schema, "schemaname"),
    ("CreateSeqStmt", Define, Relation, "sequence"),
    ("CreateStatsStmt", Define, Other, "defnames"),
    ("CreateSubscriptionStmt", Administer, Other, "subname"),
    ("CreateTableSpaceStmt", Administer, Other, "tablespacename"),
    ("CreateTransformStmt", Administer, Other, "lang"),
    ("CreateUserMappingStmt", Administer, Other, "servername"),
    ("CreatedbStmt", Administer, Database, "dbname"),
    // Operators, aggregates, base types, text search: what another statement means can change.
    ("DefineStmt", Administer, Other, "defnames"),
    ("DropOwnedStmt", Destroy, Role, "roles"),
    ("DropRoleStmt", Administer, Role, "roles"),
    ("DropSubscriptionStmt", Administer, Other, "subname"),
    ("DropTableSpaceStmt", Administer, Other, "tablespacename"),
    ("DropUserMappingStmt", Administer, Other, "servername"),
    ("DropdbStmt", Destroy, Database, "dbname"),
    ("GrantRoleStmt", Administer, Role, "granted_roles"),
    ("GrantStmt", Administer, Other, "objects"),
    (
        "ImportForeignSchemaStmt",
        Administer,
        Schema,
        "local_schema",
    ),
    ("IndexStmt", Define, Relation, "relation"),
    ("InlineCodeBlock", Unknown, Session, ""),
    ("ListenStmt", Notify, Channel, "conditionname"),
    ("LoadStmt", Verb::Escape, ObjectKind::File, "filename"),
    ("NotifyStmt", Notify, Channel, "conditionname"),
    ("PlAssignStmt", Unknown, Session, ""),
    ("ReassignOwnedStmt", Administer, Role, "roles"),
    ("ReindexStmt", Administer, Relation, "relation"),
    ("SecLabelStmt", Administer, Other, "object"),
    ("SetOperationStmt", Unknown, Session, ""),
    ("UnlistenStmt", Notify, Channel, "conditionname"),
    ("VariableShowStmt", Show, Setting, "name"),
];

const PLANNER: &[&str] = &[
    "TableFunc",
    "Var",
    "Param",
    "Aggref",
    "WindowFunc",
    "WindowFuncRunCondition",
    "SubscriptingRef",
    "FuncExpr",
    "OpExpr",
    "DistinctExpr",
    "NullIfExpr",
    "ScalarArrayOpExpr",
    "SubPlan",
    "AlternativeSubPlan",
    "FieldSelect",
    "FieldStore",
    "RelabelType",
    "CoerceViaIo",
    "ArrayCoerceExpr",
    "ConvertRowtypeExpr",
    "CollateExpr",
    "CaseTestExpr",
    "ArrayExpr",
    "RowCompareExpr",
    "JsonConstructorExpr",
    "JsonExpr",
    "JsonTablePath",
    "JsonTablePathScan",
    "JsonTableSiblingJoin",
    "MergeAction",
    "CoerceToDomain",
    "CoerceToDomainValue",
    "NextValueExpr",
    "InferenceElem",
    "ReturningExpr",
    "TargetEntry",
    "RangeTblRef",
    "FromExpr",
    "OnConflictExpr",
    "Query",
    "RangeTblEntry",
    "RtePermissionInfo",
    "RangeTblFunction",
    "TableSampleClause",
    "WithCheckOption",
    "SortGroupClause",
    "WindowClause",
    "RowMarkClause",
    "CallContext",
];

/// The functions that servers which are older than the grammar may take a piece of its syntax for.
pub(crate) fn newer_syntax(kind: &str) -> &'static [&'static str] {
    match kind {
        "JsonScalarExpr" => &["json_scalar"],
        "JsonSerializeExpr" => &["json_serialize"],
        "JsonParseExpr" => &["json"],
        "JsonArrayConstructor" | "JsonArrayQueryConstructor" => &["json_array"],
        "JsonObjectConstructor" => &["json_object"],
        "JsonArrayAgg" => &["json_arrayagg"],
        "JsonObjectAgg" => &["json_objectagg"],
        "JsonFuncExpr" => &["json_exists", "json_query", "json_value"],
        "MergeSupportFunc" => &["merge_action"],
        _ => &[],
    }
}

/// All functions that newer syntax can be taken for.
pub const NEWER_SYNTAX: &[&str] = &[
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_value",
    "merge_action",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pg_query::protobuf;
    use prost::Message as _;

    use super::{Class, PARTS, PLAIN, PLANNER, QUERIES, SPECIAL, class};
    use crate::effect::Verb;
    use crate::tree::Node;
    use crate::tree_from::tree;
    use crate::walk::Walk;

    /// Every alternative of the parser's `Node`: an empty message of each number is decoded.
    fn all() -> Vec<(String, Node)> {
        let mut found = Vec::new();
        for number in 1..400_u32 {
            let mut bytes = Vec::new();
            let key = number << 3 | 2;
            if key < 128 {
                bytes.push(u8::try_from(key).unwrap());
            } else {
                bytes.push(u8::try_from(key & 127 | 128).unwrap());
                bytes.push(u8::try_from(key >> 7).unwrap());
            }
            bytes.push(0);
            let node = protobuf::Node::decode(bytes.as_slice()).unwrap();
            if let Some(inner) = tree(&node) {
                found.push((inner.kind.to_owned(), inner));
            }
        }
        found
    }

    #[test]
    fn every_node_of_the_grammar_has_a_class() {
        let all = all();
        assert!(all.len() > 260, "{}", all.len());
        let without: Vec<&String> = all
            .iter()
            .map(|(kind, _)| kind)
            .filter(|kind| class(kind).is_none())
            .collect();
        assert!(without.is_empty(), "{without:?}");
        let known: BTreeSet<&str> = all.iter().map(|(kind, _)| kind.as_str()).collect();
        let listed = PARTS
            .iter()
            .chain(QUERIES)
            .chain(SPECIAL)
            .chain(PLANNER)
            .copied()
            .chain(PLAIN.iter().map(|entry| entry.0));
        for kind in listed.clone() {
            assert!(known.contains(kind), "{kind} is no kind of node");
        }
        assert_eq!(
            listed.clone().collect::<BTreeSet<_>>().len(),
            listed.count(),
            "one is listed twice"
        );
        assert_eq!(known.len(), all.len());
    }

    #[test]
    fn every_statement_has_an_effect_that_is_known() {
        for (kind, node) in all() {
            let Some(Class::Special | Class::Plain(..) | Class::Query) = class(&kind) else {
                continue;
            };
            let mut walk = Walk::default();
            walk.visit(&node);
            let facts = walk.into_facts();
            let unknown = facts
                .effects
                .iter()
                .any(|effect| effect.verb == Verb::Unknown);
            let expected =
                ["InlineCodeBlock", "PlAssignStmt", "SetOperationStmt"].contains(&kind.as_str());
            // An empty one of these says nothing of what it does.
            let empty =
                ["TransactionStmt", "VariableSetStmt", "MergeStmt"].contains(&kind.as_str());
            assert!(unknown == expected || empty, "{kind}");
        }
    }

    #[test]
    fn what_the_planner_makes_is_unknown() {
        for kind in PLANNER {
            let mut walk = Walk::default();
            walk.visit(&Node {
                kind,
                fields: Vec::new(),
            });
            assert!(
                walk.facts
                    .effects
                    .iter()
                    .any(|effect| effect.verb == Verb::Unknown),
                "{kind}"
            );
        }
    }
}
